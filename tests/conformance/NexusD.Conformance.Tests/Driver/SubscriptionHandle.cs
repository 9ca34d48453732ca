using System.Text.Json.Nodes;

namespace NexusD.Conformance.Tests.Driver;

/// <summary>A subscription that an agent holds.</summary>
internal sealed class SubscriptionHandle(Agent agent, string name)
{
    internal JsonObject ReadCommand(int count, int timeoutMs = 30_000) => new()
    {
        ["sub"] = name, ["count"] = count, ["timeout_ms"] = timeoutMs,
    };

    /// <summary>Takes exactly so many messages.</summary>
    internal async Task<List<Message>> ReadAsync(int count)
    {
        List<Message> messages = await TakeAsync(count, 30_000);
        Assert.True(messages.Count == count, $"{messages.Count} of {count} messages came.");
        return messages;
    }

    /// <summary>Takes what is there, up to a count, until nothing came for the time.</summary>
    internal async Task<List<Message>> TakeAsync(int count, int timeoutMs)
    {
        JsonObject answer = await agent.DoAsync("read", ReadCommand(count, timeoutMs));
        return [.. ((JsonArray)answer["messages"]!).Select(m => new Message((JsonObject)m!.DeepClone()))];
    }

    /// <summary>Takes so many numbers and checks that they are these, in order, once each.</summary>
    internal async Task ReadNumbersAsync(long first, int count)
    {
        JsonObject answer = await agent.DoAsync("read_numbers", ReadCommand(count));
        long sum = ((2 * first) + count - 1) * count / 2;
        Assert.Equal(
            (count, first, first + count - 1, true, 0, sum),
            ((int)answer["count"]!, (long)answer["first"]!, (long)answer["last"]!, (bool)answer["ordered"]!,
                (int)answer["duplicates"]!, (long)answer["sum"]!));
    }

    /// <summary>Takes up to so many numbers until the time is over.</summary>
    internal Task<JsonObject> TakeNumbersAsync(int count, int timeoutMs) =>
        agent.DoAsync("read_numbers", ReadCommand(count, timeoutMs));

    internal (long Id, Task<JsonObject> Answer) BeginRead(int count) => agent.Begin("read", ReadCommand(count));

    /// <summary>What names a kept subscription; null where it is not kept.</summary>
    internal async Task<string?> TokenAsync() =>
        (string?)(await agent.DoAsync("token", new() { ["sub"] = name }))["token"];

    internal JsonObject PauseCommand(int limitMs = 60_000) => new() { ["sub"] = name, ["limit_ms"] = limitMs };

    internal Task PauseAsync(int limitMs = 60_000) => agent.DoAsync("pause", PauseCommand(limitMs));

    internal Task ResumeAsync() => agent.DoAsync("resume", new() { ["sub"] = name });

    /// <summary>Checks that nothing comes for a fifth of a second.</summary>
    internal async Task IsSilentAsync() => Assert.Empty(await TakeAsync(1, 200));

    /// <summary>Runs a command of this subscription that has to fail.</summary>
    internal Task<Failure> FailAsync(string what, JsonObject command) => agent.FailAsync(what, command);

    internal Task CloseAsync() => agent.DoAsync("unsubscribe", new() { ["sub"] = name });
}
