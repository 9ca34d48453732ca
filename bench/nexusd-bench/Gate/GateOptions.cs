namespace NexusdBench.Gate;

/// <summary>
/// What one party of a gated run is to do. Names and defaults are those that every client under the gate has.
/// </summary>
internal sealed class GateOptions
{
    internal const string Usage =
        "Usage: nexusd-bench gate sub|pub|stuck|conns --url unix:PATH|tcp:HOST:PORT --gate FILE [OPTIONS]\n"
        + "       nexusd-bench sub|pub|stuck|conns --gate FILE ...      the same\n\n"
        + "One party of a run whose publishers and subscribers share a mapped file, so that different systems are\n"
        + "measured alike: a publisher stays --window events ahead of the slowest subscriber at most.\n\n"
        + "sub    subscribes, counts and times; ends when all that the publishers sent has come\n"
        + "pub    publishes for --secs, at --rate or at full speed\n"
        + "stuck  subscribes and never reads, for --secs\n"
        + "conns  opens --count connections with one subscription each and holds them for --secs\n\n"
        + "  --client lean|library   speak the protocol over a socket, or use the C# client. Default lean.\n"
        + "  --url ADDRESS           unix:PATH, tcp:HOST:PORT or HOST:PORT of the daemon\n"
        + "  --gate FILE             the shared file; made when it does not exist\n"
        + "  --topic NAME            with '.' between levels. Default site.alpha.line7.press2.temperature.\n"
        + "  --topics N, --subs N    topics drawn at random (dev/K/xK/state), and subscriptions (dev/K/*/state)\n"
        + "  --pub N, --sub N        this party's number, below 16; --npub N, --nsub N: how many there are\n"
        + "  --secs S, --count N     length of a run in seconds and in events. Default 3 s.\n"
        + "  --rate N                events a second, each timed from when it was due; 0: full speed\n"
        + "  --size BYTES            payload, at least 32. Default 100.\n"
        + "  --window N              see above; 0: no limit. Default 20000, never more than 8 MiB of payload.\n"
        + "  --deadline S            gives up after so many seconds. Default 30.\n"
        + "  --lib, --extra, --tls, --ca   taken and not used\n\n"
        + "The report is one JSON line.\n";

    // Below what a daemon queues for a subscription by default (16 MiB).
    private const long WindowBytes = 8 << 20;

    private static readonly string[] Names =
    [
        "--url", "--topic", "--gate", "--count", "--secs", "--rate", "--deadline", "--size", "--window", "--pub",
        "--sub", "--npub", "--nsub", "--subs", "--topics", "--client", "--lib", "--extra", "--tls", "--ca",
    ];

    internal static IReadOnlyList<string> Roles { get; } = ["sub", "pub", "stuck", "conns"];

    internal required string Role { get; init; }

    internal required string GatePath { get; init; }

    internal required string Url { get; init; }

    internal string Topic { get; private set; } = "site.alpha.line7.press2.temperature";

    internal ulong Count { get; private set; } = ulong.MaxValue;

    internal double Seconds { get; private set; } = 3;

    /// <summary>Events a second; 0: full speed.</summary>
    internal double Rate { get; private set; }

    internal double Deadline { get; private set; } = 30;

    internal int Size { get; private set; } = 100;

    internal int Publisher { get; private set; }

    internal int Subscriber { get; private set; }

    internal int Publishers { get; private set; } = 1;

    internal int Subscribers { get; private set; } = 1;

    internal int Subscriptions { get; private set; } = 1;

    internal int Topics { get; private set; } = 1;

    internal bool UsesLibrary { get; private set; }

    /// <summary>Events ahead of the slowest subscriber; 0: no limit.</summary>
    internal ulong Window { get; private set; } = 20_000;

    /// <summary>Whether a command line means a gated run, by its first word or by <c>--gate</c>.</summary>
    internal static bool AreMeantBy(string[] args) =>
        args.Length > 0 && (args[0] == "gate" || (Roles.Contains(args[0]) && args.Contains("--gate")));

    /// <summary>
    /// Reads a command line for which <see cref="AreMeantBy"/> is true; null when help was asked for.
    /// </summary>
    /// <exception cref="BenchUsageException">It is wrong.</exception>
    internal static GateOptions? Parse(string[] args)
    {
        if (args.Contains("--help") || args.Contains("-h"))
        {
            return null;
        }

        var words = args[0] == "gate" ? args.AsSpan(1) : args;
        if (words.IsEmpty || !Roles.Contains(words[0]))
        {
            throw new BenchUsageException(
                "gate needs a role: nexusd-bench gate sub|pub|stuck|conns"
                + (words.IsEmpty ? "." : Spelling.Hint(words[0], Roles)));
        }

        var given = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 1; i < words.Length; i += 2)
        {
            if (!Names.Contains(words[i]))
            {
                throw new BenchUsageException($"there is no option '{words[i]}'{Spelling.Hint(words[i], Names)}");
            }

            given[words[i]] = i + 1 < words.Length
                ? words[i + 1]
                : throw new BenchUsageException($"{words[i]} needs a value.");
        }

        if (!given.TryGetValue("--gate", out var path) || path.Length == 0)
        {
            throw new BenchUsageException("--gate FILE, which the parties of the run share, is missing.");
        }

        if (!given.TryGetValue("--url", out var url))
        {
            throw new BenchUsageException("--url unix:PATH or tcp:ADDRESS:PORT, where the daemon is, is missing.");
        }

        var options = new GateOptions { Role = words[0], GatePath = path, Url = url };
        options.Take(new OptionValues(given));
        return options;
    }

    private void Take(OptionValues given)
    {
        Topic = given.Text("--topic") ?? Topic;
        Count = given.Whole("--count", Count, 0UL, ulong.MaxValue);
        Seconds = given.Real("--secs", Seconds, 0, 86_400);
        Rate = given.Real("--rate", Rate, 0, 1e9);
        Deadline = given.Real("--deadline", Deadline, 0.1, 86_400);
        Size = Math.Max(GatePayload.HeadBytes, given.Whole("--size", Size, 0, 4 << 20));
        Publisher = given.Whole("--pub", 0, 0, GateFile.MaxParties - 1);
        Subscriber = given.Whole("--sub", 0, 0, GateFile.MaxParties - 1);
        Publishers = given.Whole("--npub", 1, 1, GateFile.MaxParties);
        Subscribers = given.Whole("--nsub", 1, 0, GateFile.MaxParties);
        Subscriptions = given.Whole("--subs", 1, 1, 10_000_000);
        Topics = given.Whole("--topics", 1, 1, 10_000_000);
        var share = (ulong)Math.Max(1, WindowBytes / Size / Publishers);
        Window = Math.Min(given.Whole("--window", Window, 0UL, ulong.MaxValue), share);
        UsesLibrary = given.Text("--client") switch
        {
            null or "lean" => false,
            "library" => true,
            var other => throw new BenchUsageException($"--client is '{other}'; it must be lean or library."),
        };
    }
}
