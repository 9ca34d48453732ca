using Nexusctl.Arguments;

namespace Nexusctl.Commands;

/// <summary>All commands.</summary>
internal static class CommandTable
{
    private static readonly OptionSpec Json = new("--json", null, "Print the daemon's answer as JSON.");

    internal static IReadOnlyList<CommandSpec> All { get; } =
    [
        PubCommand.Spec,
        SubCommand.Spec,
        new CommandSpec
        {
            Name = "status",
            Operands = string.Empty,
            Summary = "Show how the daemon is.",
            Options = [Json],
            Run = QueryCommand.StatusAsync,
        },
        List(
            "peers",
            "List the other nodes.",
            "JSON: an array with id, name, address, state (up, connecting, suspect, down), engine, rtt_us,\n"
            + "interest (filters that it wants; -1: everything) and more.",
            [
                "name", "address", "state", "engine", "rtt_us", "interest", "events_in", "events_out", "queued_bytes",
                "id",
            ],
            "There are no peers."),
        List(
            "topics",
            "List the topics that the daemon knows.",
            "JSON: an array with topic, subscriptions, peers and retained.",
            ["topic", "subscriptions", "peers", "retained"],
            "The daemon knows no topics yet."),
        List(
            "clients",
            "List the applications that are connected, and subscriptions that are kept for some that are not.",
            "JSON: an array with id, name, library, address, publisher, state (connected or kept),\n"
            + "kept_for_ms, subscriptions, events_in, events_out and more.",
            [
                "id", "name", "state", "kept_for_ms", "library", "address", "pid", "subscriptions", "events_in",
                "events_out", "queued_events", "dropped", "publisher",
            ],
            "Nobody is connected."),
        RetainedCommand.Spec,
    ];

    private static CommandSpec List(string name, string summary, string details, string[] columns, string nothing) =>
        new()
    {
        Name = name,
        Operands = string.Empty,
        Summary = summary,
        Details = details,
        Options = [Json],
        Run = context => QueryCommand.ListAsync(context, columns, nothing),
    };
}
