using System.Runtime.InteropServices;

namespace NexusD.Daemon;

/// <summary>Tells of SIGTERM and SIGINT, on a thread of the runtime, instead of ending the process.</summary>
internal sealed class SignalWatch : IDisposable
{
    private readonly List<PosixSignalRegistration> _registrations = [];

    /// <param name="told">Receives the signal's name.</param>
    public SignalWatch(Action<string> told)
    {
        Register(PosixSignal.SIGTERM, "SIGTERM");
        Register(PosixSignal.SIGINT, "SIGINT");

        void Register(PosixSignal signal, string name) =>
            _registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                told(name);
            }));
    }

    public void Dispose() => _registrations.ForEach(r => r.Dispose());
}
