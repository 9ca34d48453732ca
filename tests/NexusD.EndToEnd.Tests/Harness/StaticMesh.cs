namespace NexusD.EndToEnd.Tests.Harness;

/// <summary>Linked daemons n1, n2, ... that know each other's addresses, ended with the test.</summary>
internal sealed class StaticMesh : IAsyncDisposable
{
    private readonly Dictionary<string, DaemonProcess> _daemons = [];
    private readonly int[] _ports;
    private readonly TempFolder _folder = new();

    private StaticMesh(int count) => _ports = FreePorts.Udp(count);

    public DaemonProcess this[string name] => _daemons[name];

    public IEnumerable<string> Names => _ports.Select((_, i) => $"n{i + 1}");

    public static async Task<StaticMesh> StartAsync(int count)
    {
        var mesh = new StaticMesh(count);
        foreach (string name in mesh.Names)
        {
            await mesh.StartOneAsync(name);
        }

        await mesh.LinkedAsync();
        return mesh;
    }

    /// <summary>Starts one (again).</summary>
    public async Task StartOneAsync(string name) => _daemons[name] = await DaemonProcess.StartAsync(
        _folder,
        name,
        "--cluster=test",
        "--bind=127.0.0.1",
        "--discovery=static",
        $"--peers={string.Join(',', _ports.Select(p => $"127.0.0.1:{p}"))}",
        $"--mesh-port={_ports[int.Parse(name[1..], null) - 1]}");

    /// <summary>Each is linked to all others.</summary>
    public Task LinkedAsync() => Task.WhenAll(
        _daemons.Values.Select(d => d.LinkedToAsync([.. Names.Where(n => n != d.Name)])));

    public async ValueTask DisposeAsync()
    {
        foreach (DaemonProcess daemon in _daemons.Values)
        {
            await daemon.DisposeAsync();
        }

        _folder.Dispose();
    }
}
