using System.Text;
using Nexusctl.Output;
using NexusdClient.Tests;

namespace Nexusctl.Tests;

/// <summary>Runs a command line in this process, with its output in memory.</summary>
internal sealed class RunningCommand : IDisposable
{
    private readonly CapturedStream _stream = new();
    private readonly StringWriter _errors = new();
    private readonly CancellationTokenSource _interrupt = new();
    private readonly StandardOutput _output;
    private readonly Task<int> _running;

    private RunningCommand(string[] args)
    {
        _output = new StandardOutput(_stream);
        _running = Task.Run(() => Program.RunAsync(args, _output, TextWriter.Synchronized(_errors), _interrupt.Token));
    }

    internal string Output => _stream.Text;

    internal string[] Lines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    internal string Errors => _errors.ToString();

    internal bool IsDone => _running.IsCompleted;

    internal static RunningCommand Start(params string[] args) => new(args);

    internal static async Task<(int Code, string Output, string Errors)> RunAsync(params string[] args)
    {
        using var command = new RunningCommand(args);
        var code = await command.ExitAsync();
        return (code, command.Output, command.Errors);
    }

    internal Task<int> ExitAsync() => _running.InTimeAsync();

    /// <summary>As Ctrl-C does.</summary>
    internal void Interrupt() => _interrupt.Cancel();

    public void Dispose()
    {
        _interrupt.Dispose();
        _output.Dispose();
        _errors.Dispose();
    }

    private sealed class CapturedStream : MemoryStream
    {
        private readonly Lock _gate = new();

        internal string Text
        {
            get
            {
                lock (_gate)
                {
                    return Encoding.UTF8.GetString(GetBuffer(), 0, (int)Length);
                }
            }
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            lock (_gate)
            {
                base.Write(buffer);
            }
        }
    }
}
