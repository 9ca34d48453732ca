using System.Diagnostics;
using NexusD.Quic;
using NexusD.QuicBench;

// Measures the QUIC engine alone, between two processes on the loopback: what a link between daemons can carry at best.
// The layer above (frames, routing) may cost a fraction of it. The ceilings below it are AES-GCM and UDP with GSO.
BenchOptions options;
try
{
    options = BenchOptions.Parse(args);
}
catch (FormatException e)
{
    Console.Error.WriteLine($"quicbench: {e.Message}");
    Console.Error.WriteLine(BenchOptions.Usage);
    return 2;
}

try
{
    return options.Role switch
    {
        "server" => Server.Run(options),
        "client" => Client.Run(options),
        _ => RunBoth(options),
    };
}
catch (QuicUnavailableException e)
{
    Console.Error.WriteLine($"quicbench: {e.Message}");
    return 1;
}

static int RunBoth(BenchOptions options)
{
    Console.WriteLine(QuicEndpoint.Describe(options.Engine));
    using Process server = Start(options, "server", 0, cpu: 0);
    string first = server.StandardOutput.ReadLine() ?? "";
    if (!first.StartsWith("listening ", StringComparison.Ordinal))
    {
        Console.Error.WriteLine($"quicbench: the server did not start: {first}");
        return 1;
    }

    using Process client = Start(options, "client", int.Parse(first["listening ".Length..]), cpu: 1);
    Console.Write(client.StandardOutput.ReadToEnd());
    Console.Write(server.StandardOutput.ReadToEnd());
    client.WaitForExit();
    server.WaitForExit();
    return client.ExitCode | server.ExitCode;
}

// One CPU each, as long as there are two: otherwise the scheduler's choices are what is measured.
static Process Start(BenchOptions options, string role, int port, int cpu)
{
    var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
    foreach (string argument in options.ArgumentsFor(role, port))
    {
        start.ArgumentList.Add(argument);
    }

    Process process = Process.Start(start)!;
    if (options.Pin && Environment.ProcessorCount > 1)
    {
        process.ProcessorAffinity = 1 << cpu;
    }

    return process;
}
