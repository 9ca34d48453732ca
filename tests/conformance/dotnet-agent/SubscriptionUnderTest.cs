using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using NexusdClient;

namespace ConformanceAgent;

/// <summary>A subscription that is read only as far as the driver asks.</summary>
internal sealed class SubscriptionUnderTest
{
    private readonly Subscription _subscription;
    private readonly IAsyncEnumerator<Message> _messages;
    private readonly CancellationTokenSource _stop;
    private Task<bool>? _next;
    private bool _ended;

    private SubscriptionUnderTest(Subscription subscription, CancellationTokenSource stop)
    {
        _subscription = subscription;
        _messages = subscription.GetAsyncEnumerator(stop.Token);
        _stop = stop;
    }

    internal static async Task<SubscriptionUnderTest> OpenAsync(
        Client client, JsonObject command, CancellationToken cancellation)
    {
        var filters = ((JsonArray)command["filters"]!).Select(f => (string)f!);
        var subscription = client.Subscribe(
            filters, Words.ToSubscribeOptions(command["options"] as JsonObject ?? []), CancellationToken.None);
        await subscription.StartAsync(cancellation);
        return new(subscription, new CancellationTokenSource());
    }

    internal JsonObject Token() => new() { ["token"] = _subscription.ResumeToken };

    internal async Task<JsonObject> PauseAsync(JsonObject command, CancellationToken cancellation)
    {
        await _subscription.PauseAsync(Commands.Milliseconds(command, "limit_ms"), cancellation);
        return [];
    }

    internal async Task<JsonObject> ResumeAsync(CancellationToken cancellation)
    {
        await _subscription.ResumeAsync(cancellation);
        return [];
    }

    internal async Task CloseAsync()
    {
        if (_next is not null)
        {
            await _stop.CancelAsync();
            await _next.ContinueWith(static _ => { }, TaskScheduler.Default);
        }

        await _messages.DisposeAsync();
        _stop.Dispose();
    }

    internal async Task<JsonObject> ReadAsync(JsonObject command, CancellationToken cancellation)
    {
        var messages = new JsonArray();
        await TakeAsync(command, message => messages.Add((JsonNode)Words.Describe(message)), cancellation);
        return new() { ["messages"] = messages, ["ended"] = _ended };
    }

    internal async Task<JsonObject> ReadNumbersAsync(JsonObject command, CancellationToken cancellation)
    {
        var seen = new HashSet<long>();
        long first = 0, last = 0, sum = 0;
        int count = 0, duplicates = 0, replayed = 0;
        var ordered = true;
        await TakeAsync(
            command,
            message =>
            {
                var number = long.Parse(Encoding.UTF8.GetString(message.Payload).Trim(), CultureInfo.InvariantCulture);
                first = count == 0 ? number : first;
                ordered &= count == 0 || number > last;
                duplicates += seen.Add(number) ? 0 : 1;
                replayed += message.IsReplayed ? 1 : 0;
                last = number;
                sum += number;
                count++;
            },
            cancellation);
        return new()
        {
            ["count"] = count,
            ["first"] = first,
            ["last"] = last,
            ["ordered"] = ordered,
            ["duplicates"] = duplicates,
            ["sum"] = sum,
            ["replayed"] = replayed,
        };
    }

    private async Task TakeAsync(JsonObject command, Action<Message> take, CancellationToken cancellation)
    {
        var count = (int)command["count"]!;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Commands.Milliseconds(command, "timeout_ms"));
        for (var taken = 0; taken < count && !_ended; taken++)
        {
            _next ??= _messages.MoveNextAsync().AsTask();
            try
            {
                _ended = !await _next.WaitAsync(limit.Token);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested && !_next.IsCompleted)
            {
                return; // the message that comes next is for the next read
            }
            catch (NexusdException) when (taken > 0)
            {
                return; // the next read tells how it ended
            }

            _next = null;
            if (!_ended)
            {
                take(_messages.Current);
            }
        }
    }
}
