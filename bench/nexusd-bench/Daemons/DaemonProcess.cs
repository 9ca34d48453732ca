using System.Diagnostics;
using System.Runtime.InteropServices;
using NexusdClient;

namespace NexusdBench;

/// <summary>
/// A daemon that this program started, apart from any other: its own socket, no fixed port, no discovery.
/// </summary>
internal sealed class DaemonProcess : IAsyncDisposable
{
    private const int SignalTerminate = 15; // SIGTERM
    private const string MeshField = "mesh=";

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(15);

    private readonly Process _process;

    private DaemonProcess(Process process, string name, string socket, string mesh)
    {
        _process = process;
        Name = name;
        Address = "unix:" + socket;
        Mesh = mesh;
    }

    internal string Name { get; }

    /// <summary>Where applications connect.</summary>
    internal string Address { get; }

    /// <summary>Where other nodes link up: address and port.</summary>
    internal string Mesh { get; }

    internal int Pid => _process.Id;

    internal MeasuredDaemon Measured => new(Name, Pid);

    /// <summary>Starts one and waits until it is ready.</summary>
    /// <param name="program">The file of nexusd.</param>
    /// <param name="folder">Where its socket lies.</param>
    /// <param name="name">Its node name.</param>
    /// <param name="peers">Nodes to link with.</param>
    /// <exception cref="NexusdException">It ended or did not get ready.</exception>
    internal static Task<DaemonProcess> StartAsync(
        string program, string folder, string name, IEnumerable<DaemonProcess> peers)
    {
        var linked = string.Join(',', peers.Select(p => p.Mesh));
        return StartAsync(
            program, folder, name, linked.Length > 0 ? ["--mesh-port=0", $"--peers={linked}"] : ["--mesh-port=0"]);
    }

    /// <summary>Starts one and waits until it is ready.</summary>
    /// <param name="program">The file of nexusd.</param>
    /// <param name="folder">Where its socket lies.</param>
    /// <param name="name">Its node name.</param>
    /// <param name="more">More of its command line, the mesh port among it.</param>
    /// <exception cref="NexusdException">It ended or did not get ready.</exception>
    internal static async Task<DaemonProcess> StartAsync(
        string program, string folder, string name, IReadOnlyList<string> more)
    {
        var socket = Path.Combine(folder, name + ".sock");
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            ArgumentList =
            {
                $"--cluster=bench-{Environment.ProcessId}", $"--node-name={name}", $"--app-socket={socket}",
                "--app-port=off", "--bind=127.0.0.1", "--discovery=static", "--health-port=off",
                "--log-level=ERROR", "--log-format=text",
            },
        };
        foreach (var option in more)
        {
            start.ArgumentList.Add(option);
        }

        foreach (var key in start.Environment.Keys.Where(IsSetting).ToList())
        {
            start.Environment.Remove(key);
        }

        var process = Process.Start(start) ?? throw new NexusdException($"{program} did not start.");
        var errors = process.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(StartLimit);
        try
        {
            while (await process.StandardOutput.ReadLineAsync(limit.Token) is { } line)
            {
                var mesh = line.Split(' ').FirstOrDefault(f => f.StartsWith(MeshField, StringComparison.Ordinal));
                if (mesh is not null)
                {
                    return new DaemonProcess(process, name, socket, mesh[MeshField.Length..]);
                }
            }

            throw new NexusdException($"{program} ended at its start: {(await errors).Trim()}");
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw new NexusdException($"{program} was not ready within {StartLimit.TotalSeconds:0} s.");
        }
    }

    /// <summary>Sends a signal, unless it has ended.</summary>
    internal void Send(int signal)
    {
        if (!_process.HasExited)
        {
            _ = Signal(_process.Id, signal);
        }
    }

    /// <summary>Waits for its end.</summary>
    /// <exception cref="NexusdException">It did not end in time.</exception>
    internal async Task EndAsync(TimeSpan patience)
    {
        using var limit = new CancellationTokenSource(patience);
        try
        {
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            throw new NexusdException($"{Name} did not end within {patience.TotalSeconds:0} s.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        using var limit = new CancellationTokenSource(StopLimit);
        try
        {
            if (!_process.HasExited)
            {
                _ = Signal(_process.Id, SignalTerminate);
            }

            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    private static bool IsSetting(string variable) => variable.StartsWith("NEXUSD_", StringComparison.Ordinal);

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Signal(int pid, int signal);
}
