using System.Runtime.InteropServices;

namespace NexusD.Daemon;

/// <summary>Turns signals into calls, on a thread of the runtime, instead of the end of the process.</summary>
internal sealed class SignalWatch : IDisposable
{
    private readonly List<PosixSignalRegistration> _registrations = [];

    /// <param name="leave">SIGTERM or SIGINT came; receives the signal's name.</param>
    /// <param name="reload">SIGHUP came.</param>
    public SignalWatch(Action<string> leave, Action reload)
    {
        Register(PosixSignal.SIGTERM, () => leave("SIGTERM"));
        Register(PosixSignal.SIGINT, () => leave("SIGINT"));
        Register(PosixSignal.SIGHUP, reload);
    }

    public void Dispose() => _registrations.ForEach(r => r.Dispose());

    private void Register(PosixSignal signal, Action told) =>
        _registrations.Add(PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            told();
        }));
}
