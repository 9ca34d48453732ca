using NexusdClient;

namespace NexusdBench.Chaos;

/// <summary>A daemon that is started again and again under one name, socket and mesh port.</summary>
internal sealed class ChaosNode(string program, string folder, string name, IReadOnlyList<string> arguments)
    : IAsyncDisposable
{
    private const int SignalKill = 9;
    private const int SignalTerminate = 15;
    private const int SignalContinue = 18;
    private const int SignalStop = 19;

    private static readonly TimeSpan LeaveLimit = TimeSpan.FromSeconds(20);

    private DaemonProcess? _process;

    internal string Name => name;

    internal string SocketPath => Path.Combine(folder, name + ".sock");

    internal async Task StartAsync() => _process = await DaemonProcess.StartAsync(program, folder, name, arguments);

    internal void Stop() => _process?.Send(SignalStop);

    internal void Continue() => _process?.Send(SignalContinue);

    /// <summary>Ends it as a crash would.</summary>
    internal Task KillAsync() => EndAsync(SignalKill);

    /// <summary>Ends it in order.</summary>
    internal Task LeaveAsync() => EndAsync(SignalTerminate);

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            Continue();
            await _process.DisposeAsync();
        }
    }

    private async Task EndAsync(int signal)
    {
        if (_process is { } process)
        {
            process.Send(signal);
            try
            {
                await process.EndAsync(LeaveLimit);
            }
            catch (NexusdException) when (signal == SignalTerminate)
            {
                process.Send(SignalKill);
                throw;
            }

            _process = null;
            await process.DisposeAsync();
        }
    }
}
