using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Threading.Channels;

namespace NexusD.EndToEnd.Tests.Harness;

/// <summary>
/// A program started by a test: its lines can be awaited, it can be signalled, and it is gone when disposed.
/// </summary>
internal class RunningProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();
    private readonly ConcurrentQueue<string> _errors = new();
    private readonly Task _readers;

    public RunningProcess(
        string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        string[] ours = [.. start.Environment.Keys.Where(k => k.StartsWith("NEXUSD_", StringComparison.Ordinal))];
        foreach (string inherited in ours)
        {
            start.Environment.Remove(inherited);
        }

        foreach ((string key, string value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[key] = value;
        }

        CommandLine = $"{Path.GetFileName(program)} {string.Join(' ', start.ArgumentList)}";
        _process = Process.Start(start)!;
        _readers = Task.WhenAll(ReadOutputAsync(), ReadErrorsAsync());
    }

    public string CommandLine { get; }

    public int Pid => _process.Id;

    public bool HasExited => _process.HasExited;

    public StreamWriter Input => _process.StandardInput;

    public string Errors => string.Join('\n', _errors);

    /// <summary>Next line of standard output, or null at its end.</summary>
    public async Task<string?> ReadLineAsync(TimeSpan? patience = null)
    {
        using var limit = new CancellationTokenSource(patience ?? Eventually.Patience);
        try
        {
            while (await _lines.Reader.WaitToReadAsync(limit.Token))
            {
                if (_lines.Reader.TryRead(out string? line))
                {
                    return line;
                }
            }

            return null;
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException(
                $"{CommandLine} printed nothing for {Eventually.Patience.TotalSeconds:0} s.\n{Errors}");
        }
    }

    /// <summary>Waits for the end; returns all remaining lines of standard output.</summary>
    public async Task<(int ExitCode, List<string> Lines)> WaitForExitAsync(TimeSpan? patience = null)
    {
        using var limit = new CancellationTokenSource(patience ?? Eventually.Patience);
        try
        {
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"{CommandLine} did not end in time.\n{Errors}");
        }

        await _readers;
        var lines = new List<string>();
        while (_lines.Reader.TryRead(out string? line))
        {
            lines.Add(line);
        }

        return (_process.ExitCode, lines);
    }

    /// <summary>Sends a signal by number: 9 KILL, 15 TERM, 19 STOP, 18 CONT.</summary>
    public void Signal(int number)
    {
        if (kill(_process.Id, number) != 0 && !_process.HasExited)
        {
            throw new InvalidOperationException(
                $"kill({_process.Id}, {number}) failed with error {Marshal.GetLastPInvokeError()}.");
        }
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        await _process.WaitForExitAsync();
        await _readers;
        _process.Dispose();
        GC.SuppressFinalize(this);
    }

    private async Task ReadOutputAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            _lines.Writer.TryWrite(line);
        }

        _lines.Writer.Complete();
    }

    private async Task ReadErrorsAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            _errors.Enqueue(line);
            if (_errors.Count > 1_000)
            {
                _errors.TryDequeue(out _);
            }
        }
    }

    [DllImport("libc", SetLastError = true)]
    private static extern int kill(int pid, int signal);
}
