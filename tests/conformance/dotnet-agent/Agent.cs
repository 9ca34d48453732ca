using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace ConformanceAgent;

/// <summary>Runs commands at the same time and writes their answers in the order in which they get done.</summary>
internal sealed class Agent(TextWriter output) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Commands _commands = new();
    private readonly ConcurrentDictionary<long, CancellationTokenSource> _running = [];

    public void Dispose() => _commands.Dispose();

    internal void Start(string line)
    {
        var command = (JsonObject)JsonNode.Parse(line)!;
        var id = (long)command["id"]!;
        var cancellation = new CancellationTokenSource();
        _running[id] = cancellation;
        _ = RunAsync(id, command, cancellation);
    }

    internal Task EndAsync() => _commands.CloseAllAsync();

    private async Task RunAsync(long id, JsonObject command, CancellationTokenSource cancellation)
    {
        JsonObject answer;
        try
        {
            if ((string)command["do"]! == "cancel")
            {
                await CancelAsync((long)command["target"]!);
                answer = [];
            }
            else
            {
                // Calls that block must not keep the next command from being read.
                answer = await Task.Run(() => _commands.RunAsync(command, cancellation.Token));
            }

            answer["ok"] = true;
        }
#pragma warning disable CA1031 // Every failure is an answer.
        catch (Exception e)
#pragma warning restore CA1031
        {
            answer = Errors.Describe(e);
        }

        _running.TryRemove(id, out _);
        cancellation.Dispose();
        answer["id"] = id;
        lock (_gate)
        {
            output.WriteLine(answer.ToJsonString());
            output.Flush();
        }
    }

    private async Task CancelAsync(long target)
    {
        if (_running.TryGetValue(target, out var other))
        {
            await other.CancelAsync();
        }
    }
}
