namespace NexusD.Conformance.Tests.Driver;

/// <summary>Starts daemons that find only the peers that they are told, whatever other tests run beside them.</summary>
internal static class Daemon
{
    internal static Task<DaemonProcess> StartAsync(TempFolder folder, string name, params string[] more) =>
        DaemonProcess.StartAsync(folder, name, ["--discovery=static", .. more]);
}
