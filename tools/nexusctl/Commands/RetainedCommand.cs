using Nexusctl.Arguments;
using Nexusctl.Output;

namespace Nexusctl.Commands;

/// <summary><c>nexusctl retained</c>: lists retained events, or deletes one.</summary>
internal static class RetainedCommand
{
    internal static readonly CommandSpec Spec = new()
    {
        Name = "retained",
        Operands = "[FILTER]",
        Summary = "List retained events, or delete one.",
        Details =
            """
            Lists the retained events of topics that FILTER matches (all: '#'); at most 10,000. Each node has its own
            copy, so the list is that of the daemon that is asked. --delete removes a topic's event on all nodes.
            JSON: an array with topic, size (bytes), publisher, number, timestamp, age_ms, ttl_ms and node.

              nexusctl retained 'config/#'
              nexusctl retained --delete config/limit
            """,
        Options =
        [
            new("--json", null, "Print the daemon's answer as JSON."),
            new("--delete", "TOPIC", "Delete this topic's retained event on all nodes."),
        ],
        MinOperands = 0,
        MaxOperands = 1,
        Run = RunAsync,
    };

    private static async Task<int> RunAsync(CommandContext context)
    {
        var topic = context.Arguments.Get("--delete");
        var filter = context.Arguments.Operands.Count > 0 ? context.Arguments.Operands[0] : null;
        if (topic is not null && filter is not null)
        {
            throw new UsageException("--delete takes one TOPIC and no FILTER; give either.");
        }

        await using var client = await context.ConnectAsync();
        if (topic is not null)
        {
            await client.PublishAsync(topic, ReadOnlyMemory<byte>.Empty, retain: true, context.Interrupted);
            return ExitCode.Done;
        }

        var json = await client.QueryAsync(filter is null ? "retained" : $"retained {filter}", context.Interrupted);
        context.Output.WriteText(context.Arguments.Has("--json")
            ? json + "\n"
            : JsonTables.List(
                json,
                ["topic", "size", "publisher", "timestamp", "age_ms", "ttl_ms", "node"],
                "Nothing is retained" + (filter is null ? "." : $" on topics that {filter} matches.")));
        return ExitCode.Done;
    }
}
