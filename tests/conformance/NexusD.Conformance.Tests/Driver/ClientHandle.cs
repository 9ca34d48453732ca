using System.Globalization;
using System.Text.Json.Nodes;

namespace NexusD.Conformance.Tests.Driver;

/// <summary>A client that an agent holds.</summary>
internal sealed class ClientHandle(Agent agent, string name)
{
    private readonly List<JsonObject> _log = [];
    private int _subscriptions;

    internal Task WaitReadyAsync() => DoAsync("wait_ready", new() { ["timeout_ms"] = 30_000 });

    internal async Task<string> StateAsync() => (string)(await DoAsync("state"))["state"]!;

    internal Task<TimeSpan> ReachesAsync(string state) =>
        Eventually.TrueAsync($"the client is {state}", StateAsync, s => s == state);

    internal Task PublishAsync(string topic, string payload, JsonObject? more = null) =>
        DoAsync("publish", Event(topic, payload, more));

    /// <summary>Publishes with an acknowledgement.</summary>
    internal async Task<(int Local, int Peers)> AcknowledgedAsync(string topic, string payload, JsonObject? more = null)
    {
        JsonObject command = Event(topic, payload, more);
        command["ack"] = true;
        JsonObject answer = await DoAsync("publish", command);
        return ((int)answer["local"]!, (int)answer["peers"]!);
    }

    internal Task NumbersAsync(string topic, long from, int count, int size = 0, bool batch = false) =>
        DoAsync(batch ? "publish_many" : "publish_numbers", NumbersCommand(topic, from, count, size));

    internal JsonObject NumbersCommand(string topic, long from, int count, int size) => new()
    {
        ["client"] = name, ["topic"] = topic, ["from"] = from, ["count"] = count, ["size"] = size,
    };

    internal Task FlushAsync() => DoAsync("flush", new() { ["timeout_ms"] = 30_000 });

    internal async Task<SubscriptionHandle> SubscribeAsync(string filter, JsonObject? options = null) =>
        await SubscribeAsync([filter], options);

    internal async Task<SubscriptionHandle> SubscribeAsync(string[] filters, JsonObject? options = null)
    {
        string sub = $"{name}.{Interlocked.Increment(ref _subscriptions)}";
        await DoAsync("subscribe", SubscribeCommand(sub, filters, options));
        return new SubscriptionHandle(agent, sub);
    }

    internal JsonObject SubscribeCommand(string sub, string[] filters, JsonObject? options) => new()
    {
        ["client"] = name,
        ["sub"] = sub,
        ["filters"] = new JsonArray([.. filters.Select(f => JsonValue.Create(f))]),
        ["options"] = options ?? [],
    };

    /// <summary>Everything that the callbacks told so far.</summary>
    internal async Task<IReadOnlyList<JsonObject>> LogAsync()
    {
        JsonObject answer = await DoAsync("log");
        lock (_log)
        {
            _log.AddRange(((JsonArray)answer["entries"]!).Select(e => (JsonObject)e!.DeepClone()));
            return [.. _log];
        }
    }

    /// <summary>Waits until the callbacks have told what is looked for.</summary>
    internal Task<TimeSpan> ToldAsync(string what, Func<IReadOnlyList<JsonObject>, bool> found) =>
        Eventually.TrueAsync(what, LogAsync, found);

    internal async Task<JsonObject> StatisticsAsync() => await DoAsync("statistics");

    internal Task CloseAsync() => DoAsync("close");

    internal Task<JsonObject> DoAsync(string what, JsonObject? command = null) => agent.DoAsync(what, Mine(command));

    internal Task<Failure> FailAsync(string what, JsonObject? command = null) => agent.FailAsync(what, Mine(command));

    internal (long Id, Task<JsonObject> Answer) Begin(string what, JsonObject? command = null) =>
        agent.Begin(what, Mine(command));

    /// <summary>Sum of the counts of all entries of a kind and reason.</summary>
    internal static long Told(IEnumerable<JsonObject> log, string kind, string reason) => log
        .Where(e => (string)e["kind"]! == kind && (string)e["reason"]! == reason)
        .Sum(e => long.Parse((string)e["count"]!, CultureInfo.InvariantCulture));

    private static JsonObject Event(string topic, string payload, JsonObject? more)
    {
        JsonObject command = more is null ? [] : (JsonObject)more.DeepClone();
        command["topic"] = topic;
        command["payload"] = payload;
        return command;
    }

    private JsonObject Mine(JsonObject? command)
    {
        command ??= [];
        command["client"] = name;
        return command;
    }
}
