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
    private const int DefaultFanout = 16;

    private readonly OptionValues _given;

    // Every number is read once: the loads ask for them with each event.
    private BenchOptions(string scenario, OptionValues given)
    {
        _given = given;
        Scenario = scenario;
        Publishers = given.Whole("--publishers", 1, 1, 1000);
        Subscribers = given.Whole("--subscribers", scenario == "fanout" ? DefaultFanout : 1, 0, 10_000);
        Topics = given.Whole("--topics", 1, 1, 10_000_000);
        Payload = given.Whole("--payload", 100, 0, 4 << 20);
        Rate = given.Whole("--rate", IsLatency ? 1000 : 0, 0, 100_000_000);
        Seconds = given.Whole("--seconds", 5, 1, 86_400);
        Warmup = given.Whole("--warmup", 1, 0, 3600);
        Batch = given.Whole("--batch", 1, 1, 10_000);
        DelayMicroseconds = given.Whole("--delay", 0, 0, 1_000_000);
        IdleSubscriptions = given.Whole("--idle-subscriptions", 0, 0, 10_000_000);
        Subscriptions = given.Whole("--subscriptions", 100_000, 1, 10_000_000);
        Nodes = given.Whole("--nodes", 2, 2, 16);
        Connections = given.Whole("--connections", 1000, 1, 60_000);
        Peers = given.Whole("--peers", 8, 0, 64);
        var window = Math.Min(20_000, Math.Max(1, WindowBytes / (Payload + 8)));
        Window = given.Whole("--window", IsLatency || Subscribers == 0 ? 0 : window, 0, int.MaxValue);
        Verify = (IsLatency || given.Has("--verify")) && Payload >= StampBytes;
        Read = ReadModeOf(given.Text("--read") ?? "handler");
        DaemonPids = [.. PidsOf(given.Text("--daemon-pid") ?? string.Empty)];
        Check();
    }

    /// <summary>The name of the scenario.</summary>
    internal string Scenario { get; }

    internal string? Address => _given.Text("--addr");

    internal string? SubscriberAddress => _given.Text("--sub-addr") ?? Address;

    /// <summary>Whether a daemon is to be started for the run.</summary>
    internal bool StartsDaemon => _given.Has("--start");

    /// <summary>The daemon's program; null: the one beside this program.</summary>
    internal string? DaemonPath => _given.Text("--nexusd");

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

    /// <summary>Subscriptions and topics of <c>subs</c>.</summary>
    internal int Subscriptions { get; }

    /// <summary>Daemons of <c>mesh</c>.</summary>
    internal int Nodes { get; }

    /// <summary>Connections of <c>idle</c>.</summary>
    internal int Connections { get; }

    /// <summary>Peers of <c>idle</c>.</summary>
    internal int Peers { get; }

    internal bool Verify { get; }

    internal ReadMode Read { get; }

    internal IReadOnlyList<int> DaemonPids { get; }

    internal bool Json => _given.Has("--json");

    internal bool Csv => _given.Has("--csv");

    private bool IsLatency => Scenario == "latency";

    /// <summary>Reads a command line; null when help was asked for.</summary>
    /// <exception cref="BenchUsageException">It is wrong.</exception>
    internal static BenchOptions? Parse(string[] args) =>
        args.Contains("--help") || args.Contains("-h")
            ? null
            : new BenchOptions(args.FirstOrDefault(string.Empty), BenchOptionTable.Read(args));

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

        if (Batch > 1 && (Topics > 1 || Scenario == "subs"))
        {
            throw new BenchUsageException("--batch puts events of one topic into one call; leave out --topics.");
        }

        if (StartsDaemon && (Address is not null || SubscriberAddress is not null))
        {
            throw new BenchUsageException("--start makes a daemon of its own; leave out --addr and --sub-addr.");
        }

        if (Json && Csv)
        {
            throw new BenchUsageException("--json and --csv are two forms of the result; give one.");
        }
    }
}
