namespace NexusD.EndToEnd.Tests.Harness;

/// <summary>Three linked daemons n1, n2, n3 in one folder, ended with the test.</summary>
internal sealed class ThreeNodes : IAsyncDisposable
{
    public static readonly string[] Names = ["n1", "n2", "n3"];

    private readonly Dictionary<string, DaemonProcess> _daemons = [];
    private readonly Dictionary<string, string[]> _arguments = [];

    public TempFolder Folder { get; } = new();

    public DaemonProcess N1 => _daemons["n1"];

    public DaemonProcess N2 => _daemons["n2"];

    public DaemonProcess N3 => _daemons["n3"];

    public IEnumerable<DaemonProcess> All => _daemons.Values;

    /// <summary>
    /// Starts them in the given order, each knowing the addresses of the others, and waits for all links.
    /// </summary>
    public static async Task<ThreeNodes> ByPeersAsync(string order = "n1 n2 n3", params string[] more)
    {
        int[] ports = FreePorts.Udp(3);
        string peers = string.Join(',', ports.Select(p => $"127.0.0.1:{p}"));
        var nodes = new ThreeNodes();
        for (int i = 0; i < 3; i++)
        {
            nodes._arguments[Names[i]] =
                [
                    "--cluster=test", "--bind=127.0.0.1", "--discovery=static", $"--peers={peers}",
                    $"--mesh-port={ports[i]}", .. more,
                ];
        }

        await nodes.StartAsync(order);
        return nodes;
    }

    /// <summary>
    /// Starts them in the given order to find each other by multicast on the loopback interface, and waits for all
    /// links.
    /// </summary>
    public static async Task<ThreeNodes> ByMulticastAsync(string order = "n1 n2 n3", params string[] more)
    {
        int group = FreePorts.Udp(1)[0];
        var nodes = new ThreeNodes();
        foreach (string name in Names)
        {
            nodes._arguments[name] =
                ["--cluster=test", "--discovery=multicast", $"--mcast-port={group}", "--mcast-interface=lo", .. more];
        }

        await nodes.StartAsync(order);
        return nodes;
    }

    /// <summary>Starts one of the three (again) with its own arguments.</summary>
    public async Task<DaemonProcess> StartOneAsync(string name) =>
        _daemons[name] = await DaemonProcess.StartAsync(Folder, name, _arguments[name]);

    /// <summary>Each node is linked to both others; returns the longest wait.</summary>
    public async Task<TimeSpan> LinkedAsync()
    {
        TimeSpan[] waits = await Task.WhenAll(All.Select(d => d.LinkedToAsync([.. Names.Where(n => n != d.Name)])));
        return waits.Max();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (DaemonProcess daemon in All)
        {
            await daemon.DisposeAsync();
        }

        Folder.Dispose();
    }

    private async Task StartAsync(string order)
    {
        try
        {
            foreach (string name in order.Split(' '))
            {
                await StartOneAsync(name);
            }

            await LinkedAsync();
        }
        catch
        {
            await DisposeAsync();
            throw;
        }
    }
}
