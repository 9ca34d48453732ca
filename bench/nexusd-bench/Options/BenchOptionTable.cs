namespace NexusdBench;

/// <summary>The scenarios and the options, and the help that is made of them.</summary>
internal static class BenchOptionTable
{
    private const string Traffic = "pubsub latency fanout subs mesh stuck";
    private const string OneDaemon = "pubsub latency fanout subs stuck";

    internal static IReadOnlyList<(string Name, string Text)> Scenarios { get; } =
    [
        ("pubsub", "highest rate, or a given one, from publishers through a daemon to subscribers"),
        ("latency", "delay of single events at a steady rate, counted from when each was due"),
        ("fanout", "one publisher to 1, 4, ... subscribers"),
        ("subs", "topics drawn at random, first to one subscription, then to many with one match an event"),
        ("mesh", "starts 2 or more daemons with encrypted links: publishers at the first, subscribers at the others"),
        ("idle", "starts daemons: memory of an idle connection and of an idle peer"),
        ("stuck", "healthy subscribers, first alone, then beside one that never reads"),
        ("chaos", "publishes while things go wrong and checks every event: nexusd-bench chaos --help"),
        ("gate", "one party of a comparison with other systems: nexusd-bench gate --help"),
    ];

    internal static IReadOnlyList<OptionRow> Options { get; } =
    [
        new("--addr", "ADDRESS", OneDaemon,
            "Daemon of the publishers: unix:PATH or HOST:PORT. Default: as every client."),
        new("--sub-addr", "ADDRESS", "pubsub latency", "Daemon of the subscribers. Default: the same."),
        new("--start", null, OneDaemon, "Start a daemon for this run and measure it."),
        new("--nexusd", "PATH", "", "The daemon to start. Default: nexusd beside this program."),
        new("--daemon-pid", "PID[,PID]", OneDaemon,
            "Daemons whose CPU and memory count. Default: those started, or that of a Unix socket."),
        new("--publishers", "N", Traffic, "Threads that publish, each with a connection. Default 1."),
        new("--subscribers", "N", "pubsub latency fanout mesh stuck",
            "Connections that subscribe, each gets every event; in fanout the most; in mesh at each node. "
            + "Default 1, fanout 16."),
        new("--topics", "N", "pubsub latency fanout mesh stuck",
            "Topics, used in turn: with more than one every run has one event. Default 1."),
        new("--payload", "BYTES", Traffic, "Size of a payload, at least 16 to be checked and timed. Default 100."),
        new("--rate", "N", Traffic,
            "Events a second of all publishers together; 0: as fast as possible. Default 0, latency 1000."),
        new("--seconds", "N", Traffic, "Time that is measured, each time. Default 5."),
        new("--warmup", "N", Traffic, "Seconds before it. Default 1."),
        new("--window", "N", Traffic,
            "Events that publishers may be ahead of the slowest subscriber; 0: no limit. "
            + "Default 20000 or 8 MiB of payload, latency 0."),
        new("--batch", "N", Traffic, "Events in one call of the publishers. Default 1."),
        new("--delay", "US", Traffic,
            "Microseconds that publishers may collect events before sending (PublishDelay). Default 0."),
        new("--read", "HOW", "pubsub latency fanout mesh stuck",
            "How subscribers read: handler, batches or events. Default handler."),
        new("--idle-subscriptions", "N", "pubsub latency", "More subscriptions that match nothing. Default 0."),
        new("--subscriptions", "N", "subs", "Subscriptions, and topics. Default 100000."),
        new("--nodes", "N", "mesh", "Daemons, 2 to 16. Default 2."),
        new("--connections", "N", "idle", "Connections with a subscription each. Default 1000."),
        new("--peers", "N", "idle", "Peers to link with after a first one, 0 to 64. Default 8."),
        new("--verify", null, Traffic,
            "Check the numbers of all events: lost, duplicates, out of order. latency: always."),
        new("--csv", null, "", "Print a line of comma-separated values for each result, after a line of names."),
        new("--json", null, "", "Print the (last) result as a JSON object."),
    ];

    internal static string Help
    {
        get
        {
            var scenarios = Scenarios.Select(s => $"  {s.Name,-10}{s.Text}");
            var options = Options.Select(o => $"  {o.Name + (o.Value is null ? "" : " " + o.Value),-26}{o.Text}");
            return "Usage: nexusd-bench SCENARIO [OPTIONS]\n\nScenarios\n" + string.Join('\n', scenarios)
                + "\n\nOptions\n" + string.Join('\n', options)
                + "\n\nExamples\n"
                + "  nexusd-bench pubsub --start --verify            a daemon of its own, every event checked\n"
                + "  nexusd-bench pubsub --addr unix:/run/nexusd/nexusd.sock --publishers 4 --payload 1024\n"
                + "  nexusd-bench latency --rate 20000 --seconds 10  the daemon of this host, 20,000 events/s\n"
                + "  nexusd-bench mesh --nodes 3 --json              three daemons, encrypted links\n"
                + "  nexusd-bench subs --start --subscriptions 10000 --csv\n"
                + "\nExit codes: 0 done, 1 events lost, doubled or out of order, 2 wrong command line, 4 no daemon.\n";
        }
    }

    /// <summary>Takes a command line apart.</summary>
    /// <exception cref="BenchUsageException">A word is wrong; the text names the nearest right one.</exception>
    internal static OptionValues Read(string[] args)
    {
        var names = Scenarios.Select(s => s.Name).ToArray();
        if (args.Length == 0 || !names.Contains(args[0]))
        {
            throw new BenchUsageException(args.Length == 0
                ? $"say what to run: nexusd-bench {string.Join('|', names)}."
                : $"there is no scenario '{args[0]}'{Spelling.Hint(args[0], names)} "
                    + $"There are {string.Join(", ", names)}.");
        }

        var given = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 1; i < args.Length; i++)
        {
            var equals = args[i].IndexOf('=', StringComparison.Ordinal);
            var row = Find(args[0], equals < 0 ? args[i] : args[i][..equals]);
            given[row.Name] = row.Value is null ? string.Empty
                : equals >= 0 ? args[i][(equals + 1)..]
                : ++i < args.Length ? args[i]
                : throw new BenchUsageException($"{row.Name} needs a value: {row.Name} {row.Value}.");
        }

        return new OptionValues(given);
    }

    private static OptionRow Find(string scenario, string name)
    {
        var row = Options.FirstOrDefault(o => o.Name == name)
            ?? throw new BenchUsageException(
                $"there is no option '{name}'"
                + Spelling.Hint(name, Options.Where(o => o.IsFor(scenario)).Select(o => o.Name)));
        return row.IsFor(scenario)
            ? row
            : throw new BenchUsageException(
                $"{name} is not for {scenario}, but for {row.Scenarios.Replace(" ", ", ")}.");
    }
}
