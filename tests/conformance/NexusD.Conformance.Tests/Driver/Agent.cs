using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace NexusD.Conformance.Tests.Driver;

/// <summary>A running agent: commands in, answers out.</summary>
internal sealed class Agent : IAsyncDisposable
{
    private readonly RunningProcess _process;
    private readonly ConcurrentDictionary<long, TaskCompletionSource<JsonObject>> _waiting = [];
    private readonly SemaphoreSlim _input = new(1);
    private readonly Task _reader;
    private long _id;

    private Agent(RunningProcess process)
    {
        _process = process;
        _reader = ReadAsync();
    }

    /// <summary>Starts the agent of a language.</summary>
    internal static Agent Start(string language, IReadOnlyDictionary<string, string>? environment = null)
    {
        // The working folder is the agent's: a shell changes to it and becomes the agent.
        string[] command = AgentCatalog.Command(language);
        return new Agent(new RunningProcess(
            "/bin/sh",
            ["-c", "cd \"$0\" && exec \"$@\"", AgentCatalog.Folder(language), .. command],
            environment));
    }

    /// <summary>Makes a client; options as in the README.</summary>
    internal async Task<ClientHandle> NewAsync(string? address, JsonObject? options = null, string name = "c")
    {
        var command = new JsonObject { ["client"] = name, ["options"] = options ?? [] };
        if (address is not null)
        {
            command["address"] = address;
        }

        await DoAsync("new", command);
        return new ClientHandle(this, name);
    }

    /// <summary>Runs a command; fails unless it goes well.</summary>
    internal async Task<JsonObject> DoAsync(string what, JsonObject command)
    {
        JsonObject answer = await TryAsync(what, command);
        Assert.True((bool?)answer["ok"] == true, $"{what} {command.ToJsonString()} answered {answer.ToJsonString()}");
        return answer;
    }

    /// <summary>Runs a command that has to fail, and returns the failure.</summary>
    internal async Task<Failure> FailAsync(string what, JsonObject command)
    {
        JsonObject answer = await TryAsync(what, command);
        Assert.True(answer["error"] is not null, $"{what} {command.ToJsonString()} went well: {answer.ToJsonString()}");
        return Failure.Read(answer);
    }

    /// <summary>Runs a command to its answer, good or bad.</summary>
    internal Task<JsonObject> TryAsync(string what, JsonObject command) => Begin(what, command).Answer;

    /// <summary>Starts a command; its number can be cancelled.</summary>
    internal (long Id, Task<JsonObject> Answer) Begin(string what, JsonObject command)
    {
        long id = Interlocked.Increment(ref _id);
        command["id"] = id;
        command["do"] = what;
        var answer = new TaskCompletionSource<JsonObject>(TaskCreationOptions.RunContinuationsAsynchronously);
        _waiting[id] = answer;
        return (id, SendAsync(command.ToJsonString(), answer.Task));
    }

    /// <summary>Ends the process with SIGKILL, as a crash would.</summary>
    internal async Task KillAsync()
    {
        _process.Signal(9);
        await _process.WaitForExitAsync();
        await _reader;
    }

    public async ValueTask DisposeAsync()
    {
        _process.Input.Close();
        try
        {
            await _process.WaitForExitAsync();
        }
        finally
        {
            await _process.DisposeAsync();
        }

        await _reader;
        _input.Dispose();
    }

    private async Task<JsonObject> SendAsync(string line, Task<JsonObject> answer)
    {
        await _input.WaitAsync();
        try
        {
            await _process.Input.WriteLineAsync(line);
            await _process.Input.FlushAsync();
        }
        finally
        {
            _input.Release();
        }

        try
        {
            return await answer.WaitAsync(Eventually.Patience * 2);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"The agent did not answer {line}\n{_process.Errors}");
        }
    }

    private async Task ReadAsync()
    {
        while (await _process.ReadLineAsync(Timeout.InfiniteTimeSpan) is { } line)
        {
            var answer = (JsonObject)JsonNode.Parse(line)!;
            if (_waiting.TryRemove((long)answer["id"]!, out TaskCompletionSource<JsonObject>? waiter))
            {
                waiter.SetResult(answer);
            }
        }

        foreach (TaskCompletionSource<JsonObject> waiter in _waiting.Values)
        {
            waiter.TrySetException(new InvalidOperationException($"The agent ended.\n{_process.Errors}"));
        }
    }
}
