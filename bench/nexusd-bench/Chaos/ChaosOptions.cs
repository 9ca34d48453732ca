using System.Globalization;
using NexusD.Protocol;

namespace NexusdBench.Chaos;

/// <summary>What a run under faults, or the check of a history, is to do.</summary>
internal sealed class ChaosOptions
{
    internal const string Usage =
        "Usage: nexusd-bench chaos --nodes N [OPTIONS]         daemons of its own, and faults\n"
        + "       nexusd-bench chaos --connect A,B [OPTIONS]     your daemons, and whatever happens to them\n"
        + "       nexusd-bench chaos --check FILE [--strict]     a history that was written before\n\n"
        + "Publishes over each daemon to subscribers at each, writes down all that clients see, and checks it at the\n"
        + "end: nothing twice, nothing out of order, nothing missing that was not told as lost.\n\n"
        + "  --connect LIST      addresses of daemons of one mesh: unix:PATH or HOST:PORT\n"
        + "  --nodes N           daemons to start, 2 to 16. Default 3, unless --connect is given.\n"
        + "  --nexusd PATH       the daemon to start. Default: nexusd beside this program.\n"
        + "  --daemon-args TEXT  more options of these daemons, with blanks between\n"
        + "  --seed N            decides topics, faults and settings. Default: another each time; it is printed.\n"
        + "  --duration S        seconds of load and faults. Default 20.\n"
        + "  --events N          ends the load after so many events of all publishers instead\n"
        + "  --publishers N, --subscribers N   clients, spread over the daemons. Default: one, and two, for each.\n"
        + "  --rate N            events a second of all publishers. Default 2000.\n"
        + "  --topics N          default 20: of each five three normal, one high, one low; every fourth retained\n"
        + "  --payload BYTES     24 to 65536. Default 64.\n"
        + "  --policies LIST     overflow policies of the subscribers in turn. Default with --nodes\n"
        + "                      drop-oldest,drop-newest,conflate,block; else drop-oldest\n"
        + "  --faults LIST       all, none, or some of kill pause restart cut oneway isolate flap weather slow stuck\n"
        + "                      reconnect. Default all; with --connect there are none.\n"
        + "  --grace S           seconds after a restart in which a node may not know who wants what. Default 3.\n"
        + "  --strict            excuses nothing: not what died with a process or passed an absent subscriber\n"
        + "  --history FILE      writes the history there; else to a temporary file if something is wrong\n"
        + "  --json              one JSON object instead of the table\n\n"
        + "Exit codes: 0 all accounted for, 1 not, 2 wrong command line, 4 no daemon.\n";

    private static readonly string[] Names =
    [
        "--connect", "--nodes", "--nexusd", "--daemon-args", "--seed", "--duration", "--events", "--publishers",
        "--subscribers", "--rate", "--topics", "--payload", "--policies", "--faults", "--grace", "--history", "--check",
    ];

    private static readonly string[] Flags = ["--strict", "--json"];

    private ChaosOptions(OptionValues given)
    {
        Check = given.Text("--check");
        Strict = given.Has("--strict");
        Json = given.Has("--json");
        History = given.Text("--history");
        Connect = [.. Parts(given.Text("--connect"))];
        Nodes = Connect.Count > 0 ? 0 : given.Whole("--nodes", 3, 2, 16);
        if (Connect.Count > 0 && (given.Has("--nodes") || given.Has("--faults") || given.Has("--daemon-args")))
        {
            throw new BenchUsageException(
                "--connect uses daemons that are there; leave out --nodes, --daemon-args and --faults.");
        }

        var daemons = Nodes + Connect.Count;
        DaemonPath = given.Text("--nexusd");
        Seed = given.Whole("--seed", Random.Shared.Next(1, 1_000_000), 0, int.MaxValue);
        Duration = given.Real("--duration", 20, 1, 7 * 86_400);
        Events = given.Whole("--events", 0L, 1L, 100_000_000L);
        Publishers = given.Whole("--publishers", daemons, 1, 100);
        Subscribers = given.Whole("--subscribers", 2 * daemons, 1, 200);
        Rate = given.Whole("--rate", 2000, 1, 1_000_000);
        Topics = given.Whole("--topics", 20, 1, 10_000);
        Payload = given.Whole("--payload", 64, ChaosPayload.LeastBytes, 65_536);
        Grace = given.Real("--grace", 3, 0.1, 600);
        DaemonArguments = given.Text("--daemon-args")?.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Policies = [.. Parts(
            given.Text("--policies") ?? (Nodes > 0 ? "drop-oldest,drop-newest,conflate,block" : "drop-oldest"))
            .Select(PolicyOf)];
        var all = FaultLanes.Names.SelectMany(n => n).ToArray();
        Faults = (given.Text("--faults") ?? "all") switch
        {
            "all" => all,
            "none" => [],
            var some => [.. Parts(some).Select(name => all.Contains(name)
                ? name
                : throw new BenchUsageException($"--faults: there is no '{name}'{Spelling.Hint(name, all)}"))],
        };
    }

    /// <summary>A history to check; null: make one.</summary>
    internal string? Check { get; }

    internal bool Strict { get; }

    internal bool Json { get; }

    internal string? History { get; }

    /// <summary>Daemons that are there; empty: start some.</summary>
    internal IReadOnlyList<string> Connect { get; }

    internal int Nodes { get; }

    internal string? DaemonPath { get; }

    /// <summary>More of the daemons' command line; null: the seed chooses.</summary>
    internal IReadOnlyList<string>? DaemonArguments { get; }

    internal int Seed { get; }

    internal double Duration { get; }

    /// <summary>Events after which the load ends; 0: it ends by time.</summary>
    internal long Events { get; }

    internal int Publishers { get; }

    internal int Subscribers { get; }

    internal int Rate { get; }

    internal int Topics { get; }

    internal int Payload { get; }

    internal IReadOnlyList<OverflowPolicy> Policies { get; }

    internal IReadOnlyList<string> Faults { get; }

    internal double Grace { get; }

    internal static bool AreMeantBy(string[] args) => args.Length > 0 && args[0] == "chaos";

    /// <summary>
    /// Reads a command line for which <see cref="AreMeantBy"/> is true; null when help was asked for.
    /// </summary>
    /// <exception cref="BenchUsageException">It is wrong.</exception>
    internal static ChaosOptions? Parse(string[] args)
    {
        if (args.Contains("--help") || args.Contains("-h"))
        {
            return null;
        }

        var given = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 1; i < args.Length; i++)
        {
            var equals = args[i].IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? args[i] : args[i][..equals];
            if (!Names.Contains(name) && !Flags.Contains(name))
            {
                throw new BenchUsageException(
                    $"there is no option '{name}'{Spelling.Hint(name, Names.Concat(Flags))}");
            }

            given[name] = Flags.Contains(name) ? string.Empty
                : equals >= 0 ? args[i][(equals + 1)..]
                : ++i < args.Length ? args[i]
                : throw new BenchUsageException($"{name} needs a value.");
        }

        return new ChaosOptions(new OptionValues(given));
    }

    /// <summary>
    /// Settings of the daemons that this run starts: where none are given the seed chooses queues of links that are
    /// small or not, short or long holding, and recovery rings or none.
    /// </summary>
    internal IReadOnlyList<string> DaemonOptions() => DaemonArguments ?? string.Create(
        CultureInfo.InvariantCulture,
        $"--max-payload=64KiB --link-queue-bytes={(Seed % 3 == 1 ? "1MiB" : "64MiB")} "
        + $"--link-hold={(Seed % 4 == 2 ? "1s" : "60s")} "
        + $"--recovery-events={(Seed % 5 == 3 ? 100 : 0)}").Split(' ');

    private static string[] Parts(string? list) => list?.Split(',', StringSplitOptions.RemoveEmptyEntries) ?? [];

    private static OverflowPolicy PolicyOf(string name) => OverflowPolicyNames.TryParse(name, out var policy)
        ? policy
        : throw new BenchUsageException(
            $"--policies: there is no '{name}'{Spelling.Hint(name, OverflowPolicyNames.All)}");
}
