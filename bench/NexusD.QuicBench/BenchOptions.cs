using System.Globalization;
using NexusD.Quic;

namespace NexusD.QuicBench;

/// <summary>The command line, checked.</summary>
internal sealed record BenchOptions(
    string Role, string Mode, QuicEngineKind Engine, int Seconds, int Port, int Payload, int SlabBytes, int Streams,
    int Connections, bool Offload, bool Pin)
{
    public const string Usage = """
        quicbench [run|server|client] [--mode stream|ping|idle] [--engine ngtcp2|msquic] [--seconds 5] [--payload 1452]
                  [--write 65536] [--streams 1] [--connections 200] [--no-offload] [--no-pin] [--port 0]
        run (default) starts a server and a client as processes of their own and prints the figures of both.
          stream: one connection, unidirectional streams of --write byte slabs, as fast as it goes
          ping:   100 bytes there and back on one bidirectional stream, one at a time
          idle:   --connections idle connections, for memory
        """;

    /// <exception cref="FormatException">A flag or value is not known; the message names it.</exception>
    public static BenchOptions Parse(string[] args)
    {
        var options = new BenchOptions("run", "stream", QuicEngineKind.Ngtcp2, 5, 0, 1452, 65_536, 1, 200, true, true);
        for (int i = 0; i < args.Length; i++)
        {
            options = args[i] switch
            {
                "run" or "server" or "client" => options with { Role = args[i] },
                "--no-offload" => options with { Offload = false },
                "--no-pin" => options with { Pin = false },
                "--mode" => options with { Mode = OneOf(args, ++i, "stream", "ping", "idle") },
                "--engine" => options with
                {
                    Engine = OneOf(args, ++i, "ngtcp2", "msquic") == "msquic"
                        ? QuicEngineKind.MsQuic
                        : QuicEngineKind.Ngtcp2,
                },
                "--seconds" => options with { Seconds = Number(args, ++i, 1, 3600) },
                "--port" => options with { Port = Number(args, ++i, 0, 65_535) },
                "--payload" => options with { Payload = Number(args, ++i, 1200, 65_000) },
                "--write" => options with { SlabBytes = Number(args, ++i, 1, 65_536) },
                "--streams" => options with { Streams = Number(args, ++i, 1, 16) },
                "--connections" => options with { Connections = Number(args, ++i, 1, 100_000) },
                _ => throw new FormatException($"unknown argument '{args[i]}'"),
            };
        }

        return options;
    }

    /// <summary>The same options for a process of the given role.</summary>
    public IEnumerable<string> ArgumentsFor(string role, int port)
    {
        yield return role;
        (string, object)[] pairs =
        [
            ("--mode", Mode), ("--engine", Engine == QuicEngineKind.MsQuic ? "msquic" : "ngtcp2"),
            ("--seconds", Seconds),
            ("--port", port), ("--payload", Payload), ("--write", SlabBytes), ("--streams", Streams),
            ("--connections", Connections),
        ];
        foreach ((string flag, object value) in pairs)
        {
            yield return flag;
            yield return Convert.ToString(value, CultureInfo.InvariantCulture)!;
        }

        if (!Offload)
        {
            yield return "--no-offload";
        }
    }

    private static string OneOf(string[] args, int at, params string[] known) =>
        at < args.Length && known.Contains(args[at])
            ? args[at]
            : throw new FormatException($"{args[at - 1]} must be one of {string.Join(", ", known)}");

    private static int Number(string[] args, int at, int least, int most) =>
        at < args.Length && int.TryParse(args[at], CultureInfo.InvariantCulture, out int value)
            && value >= least && value <= most
            ? value
            : throw new FormatException($"{args[at - 1]} must be a number from {least} to {most}");
}
