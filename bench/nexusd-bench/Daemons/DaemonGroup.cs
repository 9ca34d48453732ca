namespace NexusdBench;

/// <summary>The daemons that this program started; they end, and their folder goes, with it.</summary>
internal sealed class DaemonGroup : IAsyncDisposable
{
    private const string ProgramName = "nexusd";

    private readonly string _program;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("nexusd-bench-");
    private readonly List<DaemonProcess> _running = [];

    /// <summary>Finds the daemon's program; starts nothing yet.</summary>
    /// <exception cref="BenchUsageException">It is not there.</exception>
    internal DaemonGroup(BenchOptions options) => _program = Find(options.DaemonPath);

    internal IReadOnlyList<DaemonProcess> Running => _running;

    internal IReadOnlyList<MeasuredDaemon> Measured => [.. _running.Select(d => d.Measured)];

    /// <summary>Starts one more, linked with those given.</summary>
    internal async Task<DaemonProcess> StartAsync(params DaemonProcess[] peers)
    {
        var daemon = await DaemonProcess.StartAsync(_program, _folder.FullName, $"node{_running.Count + 1}", peers);
        _running.Add(daemon);
        return daemon;
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_running.Select(d => d.DisposeAsync().AsTask()));
        _folder.Delete(recursive: true);
    }

    /// <summary>The daemon's program: the one given, else the one beside this program.</summary>
    /// <exception cref="BenchUsageException">It is not there.</exception>
    internal static string Find(string? path)
    {
        var program = path ?? Path.Combine(AppContext.BaseDirectory, ProgramName);
        return File.Exists(program)
            ? Path.GetFullPath(program)
            : throw new BenchUsageException(path is null
                ? $"there is no {ProgramName} beside this program; say where it is with --nexusd PATH."
                : $"--nexusd is '{path}'; there is no such file.");
    }
}
