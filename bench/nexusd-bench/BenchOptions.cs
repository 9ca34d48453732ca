using System.Globalization;

namespace NexusdBench;

/// <summary>
/// What to run. Defaults of <c>pubsub</c> seek the highest rate without loss, those of <c>latency</c> the delay.
/// </summary>
internal sealed class BenchOptions
{
    /// <summary>Bytes that hold the stamp of an event: when it was sent, by whom, and its number.</summary>
    internal const int StampBytes = 16;

    // Below what a daemon queues for a subscription by default (16 MiB), so that a window cannot cause a loss.
    private const int WindowBytes = 8 << 20;

    private static readonly (string Name, string? Value, string Text)[] Table =
    [
        ("--addr", "ADDRESS", "Daemon of the publishers: unix:PATH or HOST:PORT. Default: as every client."),
        ("--sub-addr", "ADDRESS", "Daemon of the subscribers. Default: the same."),
        ("--publishers", "N", "Threads that publish, each with a connection. Default 1."),
        ("--subscribers", "N", "Connections that subscribe, each gets every event. Default 1."),
        ("--topics", "N", "Topics, used in turn: with more than one every run has one event. Default 1."),
        ("--payload", "BYTES", "Size of a payload, at least 16 to be checked and timed. Default 100."),
        ("--rate", "N", "Events a second of all publishers together; 0: as fast as possible. Default 0, latency 1000."),
        ("--seconds", "N", "Time that is measured. Default 5."),
        ("--warmup", "N", "Seconds before it. Default 1."),
        ("--window", "N", "Events that publishers may be ahead of the slowest subscriber; 0: no limit. "
            + "Default 20000 or 8 MiB of payload, latency 0."),
        ("--batch", "N", "Events in one call of the publishers. Default 1."),
        ("--delay", "US", "Microseconds that publishers may collect events before sending (PublishDelay). Default 0."),
        ("--read", "HOW", "How subscribers read: handler, batches or events. Default handler."),
        ("--idle-subscriptions", "N", "More subscriptions that match nothing. Default 0."),
        ("--verify", null, "Check the numbers of all events: lost, duplicates, out of order. latency: always."),
        ("--daemon-pid", "PID[,PID]", "Daemons whose CPU and memory are measured."),
        ("--json", null, "Print the result as a JSON object."),
    ];

    private readonly Dictionary<string, string> _given;

    // Every number is read once: the loads ask for them with each event.
    private BenchOptions(bool isLatency, Dictionary<string, string> given)
    {
        _given = given;
        IsLatency = isLatency;
        Publishers = Number("--publishers", 1, 1, 1000);
        Subscribers = Number("--subscribers", 1, 0, 10_000);
        Topics = Number("--topics", 1, 1, 10_000_000);
        Payload = Number("--payload", 100, 0, 4 << 20);
        Rate = Number("--rate", isLatency ? 1000 : 0, 0, 100_000_000);
        Seconds = Number("--seconds", 5, 1, 86_400);
        Warmup = Number("--warmup", 1, 0, 3600);
        Batch = Number("--batch", 1, 1, 10_000);
        DelayMicroseconds = Number("--delay", 0, 0, 1_000_000);
        IdleSubscriptions = Number("--idle-subscriptions", 0, 0, 10_000_000);
        var window = Math.Min(20_000, Math.Max(1, WindowBytes / (Payload + 8)));
        Window = Number("--window", isLatency || Subscribers == 0 ? 0 : window, 0, int.MaxValue);
        Verify = (isLatency || given.ContainsKey("--verify")) && Payload >= StampBytes;
        Read = ReadModeOf(given.GetValueOrDefault("--read") ?? "handler");
        DaemonPids = [.. PidsOf(given.GetValueOrDefault("--daemon-pid") ?? string.Empty)];
        Check();
    }

    internal static string Help
    {
        get
        {
            var lines = Table.Select(o => $"  {o.Name + (o.Value is null ? "" : " " + o.Value),-26}{o.Text}");
            return "Usage: nexusd-bench pubsub|latency [OPTIONS]\n\n"
                + "pubsub   highest rate (or --rate) from publishers through the daemon to subscribers\n"
                + "latency  delay of single events at a steady rate, counted from when each was due\n\n"
                + string.Join('\n', lines)
                + "\n\nExit codes: 0 done, 1 events lost or doubled, 2 wrong command line, 4 no daemon.\n";
        }
    }

    internal bool IsLatency { get; }

    internal string? Address => _given.GetValueOrDefault("--addr");

    internal string? SubscriberAddress => _given.GetValueOrDefault("--sub-addr") ?? Address;

    internal int Publishers { get; }

    internal int Subscribers { get; }

    internal int Topics { get; }

    internal int Payload { get; }

    internal int Rate { get; }

    internal double Seconds { get; }

    internal double Warmup { get; }

    internal int Window { get; }

    internal int Batch { get; }

    internal int DelayMicroseconds { get; }

    internal int IdleSubscriptions { get; }

    internal bool Verify { get; }

    internal ReadMode Read { get; }

    internal IReadOnlyList<int> DaemonPids { get; }

    internal bool Json => _given.ContainsKey("--json");

    /// <summary>Reads a command line; null when help was asked for.</summary>
    /// <exception cref="BenchUsageException">It is wrong.</exception>
    internal static BenchOptions? Parse(string[] args)
    {
        if (args.Contains("--help") || args.Contains("-h"))
        {
            return null;
        }

        if (args.Length == 0 || args[0] is not ("pubsub" or "latency"))
        {
            throw new BenchUsageException("say what to run: nexusd-bench pubsub or nexusd-bench latency.");
        }

        var given = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 1; i < args.Length; i++)
        {
            var equals = args[i].IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? args[i] : args[i][..equals];
            var known = Array.Find(Table, o => o.Name == name);
            if (known.Name is null)
            {
                throw new BenchUsageException($"there is no option '{name}'.");
            }

            given[name] = known.Value is null ? string.Empty
                : equals >= 0 ? args[i][(equals + 1)..]
                : ++i < args.Length ? args[i]
                : throw new BenchUsageException($"{name} needs a value: {name} {known.Value}.");
        }

        return new BenchOptions(args[0] == "latency", given);
    }

    private static ReadMode ReadModeOf(string text) => text switch
    {
        "handler" => ReadMode.Handler,
        "batches" => ReadMode.Batches,
        "events" => ReadMode.Events,
        _ => throw new BenchUsageException($"--read is '{text}'; it must be handler, batches or events."),
    };

    private static IEnumerable<int> PidsOf(string text) =>
        text.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(p =>
            int.TryParse(p, NumberStyles.None, CultureInfo.InvariantCulture, out var pid)
                && Directory.Exists($"/proc/{pid}")
                ? pid
                : throw new BenchUsageException($"--daemon-pid: there is no process '{p}'."));

    private void Check()
    {
        if (Payload < StampBytes && Publishers > 1 && Window > 0)
        {
            throw new BenchUsageException(
                $"payloads below {StampBytes} bytes do not say whose they are; give --window 0 or one publisher.");
        }

        if (Batch > 1 && Topics > 1)
        {
            throw new BenchUsageException("--batch puts events of one topic into one call; leave out --topics.");
        }
    }

    private int Number(string name, int fallback, int min, int max)
    {
        if (!_given.TryGetValue(name, out var text))
        {
            return fallback;
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && number >= min && number <= max
            ? number
            : throw new BenchUsageException($"{name} is '{text}'; it must be a whole number from {min} to {max}.");
    }
}
