using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using NexusdClient;

namespace ConformanceAgent;

/// <summary>One method of the client for each command, and nothing more.</summary>
internal sealed class Commands : IDisposable
{
    private readonly ConcurrentDictionary<string, ClientUnderTest> _clients = [];
    private readonly ConcurrentDictionary<string, SubscriptionUnderTest> _subscriptions = [];

    public void Dispose()
    {
        foreach (var client in _clients.Values)
        {
            client.Client.Dispose();
        }
    }

    internal async Task CloseAllAsync()
    {
        foreach (var client in _clients.Values)
        {
            await client.Client.DisposeAsync();
        }
    }

    internal async Task<JsonObject> RunAsync(JsonObject command, CancellationToken cancellation)
    {
        switch ((string)command["do"]!)
        {
            case "new":
                _clients[(string)command["client"]!] = ClientUnderTest.Make(command);
                return [];
            case "read":
                return await Subscription(command).ReadAsync(command, cancellation);
            case "read_numbers":
                return await Subscription(command).ReadNumbersAsync(command, cancellation);
            case "unsubscribe":
                await Subscription(command).CloseAsync();
                return [];
            case "subscribe":
                var subscription = await SubscriptionUnderTest.OpenAsync(Client(command).Client, command, cancellation);
                _subscriptions[(string)command["sub"]!] = subscription;
                return [];
            case "token":
                return Subscription(command).Token();
            case "pause":
                return await Subscription(command).PauseAsync(command, cancellation);
            case "resume":
                return await Subscription(command).ResumeAsync(cancellation);
            case "wait_ready":
                await Client(command).Client.WaitReadyAsync(Milliseconds(command, "timeout_ms"), cancellation);
                return [];
            case "state":
                return new() { ["state"] = Words.Of(Client(command).Client.State) };
            case "publish":
                return await PublishAsync(Client(command).Client, command, cancellation);
            case "publish_numbers":
                return PublishNumbers(Client(command).Client, command, batch: false);
            case "publish_many":
                return PublishNumbers(Client(command).Client, command, batch: true);
            case "flush":
                await Client(command).Client.FlushAsync(cancellation).WaitAsync(
                    Milliseconds(command, "timeout_ms"), cancellation);
                return [];
            case "request":
                return await RequestAsync(Client(command).Client, command, cancellation);
            case "respond":
                await Client(command).RespondAsync((string)command["filter"]!, cancellation);
                return [];
            case "log":
                return new() { ["entries"] = Client(command).TakeLog() };
            case "statistics":
                return Statistics(Client(command).Client.GetStatistics());
            case "query":
                return new()
                {
                    ["json"] = await Client(command).Client.QueryAsync((string)command["what"]!, cancellation),
                };
            case "close":
                await Client(command).Client.DisposeAsync();
                return [];
            default:
                throw new NotSupportedException($"The agent does not know '{command["do"]}'.");
        }
    }

    internal static TimeSpan Milliseconds(JsonObject command, string name) =>
        TimeSpan.FromMilliseconds((double?)command[name] ?? 30_000);

    private static async Task<JsonObject> PublishAsync(
        Client client, JsonObject command, CancellationToken cancellation)
    {
        var request = Words.ToRequest(command);
        if ((bool?)command["ack"] != true)
        {
            return client.Publish(request) ? [] : throw new BufferFullException();
        }

        var result = await client.PublishAsync(request, cancellation);
        return new()
        {
            ["local"] = result.Local, ["peers"] = result.Peers, ["number"] = Words.Text(result.Number),
        };
    }

    private static JsonObject PublishNumbers(Client client, JsonObject command, bool batch)
    {
        var from = (long)command["from"]!;
        var count = (int)command["count"]!;
        var size = (int?)command["size"] ?? 0;
        var topic = (string)command["topic"]!;
        var payloads = Enumerable.Range(0, count).Select(
            i => Encoding.UTF8.GetBytes((from + i).ToString(CultureInfo.InvariantCulture).PadRight(size)));
        if (batch)
        {
            var all = payloads.ToArray();
            var published = client.OpenTopic(topic).PublishMany(
                all.SelectMany(p => p).ToArray(), [.. all.Select(p => p.Length)]);
            return published == count ? new() { ["published"] = published } : throw new BufferFullException();
        }

        foreach (var payload in payloads)
        {
            if (!client.Publish(topic, payload))
            {
                throw new BufferFullException();
            }
        }

        return new() { ["published"] = count };
    }

    private static async Task<JsonObject> RequestAsync(
        Client client, JsonObject command, CancellationToken cancellation)
    {
        var reply = await client.RequestAsync(
            Words.ToRequest(command), Milliseconds(command, "timeout_ms"), cancellation);
        return new() { ["message"] = Words.Describe(reply) };
    }

    private static JsonObject Statistics(ClientStatistics statistics) => new()
    {
        ["published"] = statistics.Published,
        ["received"] = statistics.Received,
        ["in_doubt"] = statistics.InDoubt,
        ["connections"] = statistics.Connections,
        ["buffered_bytes"] = statistics.BufferedBytes,
    };

    private ClientUnderTest Client(JsonObject command) =>
        _clients.TryGetValue((string)command["client"]!, out var client)
            ? client
            : throw new NotSupportedException($"There is no client '{command["client"]}'.");

    private SubscriptionUnderTest Subscription(JsonObject command) =>
        _subscriptions.TryGetValue((string)command["sub"]!, out var subscription)
            ? subscription
            : throw new NotSupportedException($"There is no subscription '{command["sub"]}'.");
}
