namespace NexusD.EndToEnd.Tests.Harness;

/// <summary>
/// Daemons n1, n2, ..., each in a network namespace of its own, with cables to two switches in one more: a partition is
/// made by plugging some cables into the other switch.
/// </summary>
internal sealed class NamespaceMesh : IAsyncDisposable
{
    private static int _count;

    private readonly string _id = $"{Environment.ProcessId % 100_000}-{Interlocked.Increment(ref _count)}";
    private readonly TempFolder _folder = new();
    private readonly List<DaemonProcess> _daemons = [];
    private readonly List<string> _spaces = [];

    private NamespaceMesh()
    {
    }

    public IReadOnlyList<DaemonProcess> All => _daemons;

    private string Hub => $"nxdh{_id}";

    public static async Task<NamespaceMesh> StartAsync(int count, params string[] more)
    {
        var mesh = new NamespaceMesh();
        try
        {
            await mesh.BuildAsync(count, more);
            await mesh.LinkedAsync();
            return mesh;
        }
        catch
        {
            await mesh.DisposeAsync();
            throw;
        }
    }

    /// <summary>Plugs these nodes (1 is the first) into the other switch: they are cut off from the rest.</summary>
    public async Task PartAsync(params int[] hosts)
    {
        foreach (int host in hosts)
        {
            await IpAsync($"-n {Hub} link set port{host} master other");
        }
    }

    /// <summary>Plugs them back.</summary>
    public async Task HealAsync(params int[] hosts)
    {
        foreach (int host in hosts)
        {
            await IpAsync($"-n {Hub} link set port{host} master first");
        }
    }

    /// <summary>Each is linked to all others.</summary>
    public Task LinkedAsync() => Task.WhenAll(
        _daemons.Select(d => d.LinkedToAsync([.. _daemons.Where(o => o != d).Select(o => o.Name)])));

    public async ValueTask DisposeAsync()
    {
        foreach (DaemonProcess daemon in _daemons)
        {
            await daemon.DisposeAsync();
        }

        foreach (string space in _spaces)
        {
            await IpAsync($"netns del {space}");
        }

        _folder.Dispose();
    }

    private async Task BuildAsync(int count, string[] more)
    {
        await AddSpaceAsync(Hub);
        foreach (string name in (string[])["first", "other"])
        {
            await IpAsync($"-n {Hub} link add {name} type bridge");
            await IpAsync($"-n {Hub} link set {name} up");
        }

        for (int host = 1; host <= count; host++)
        {
            string space = $"nxd{host}x{_id}";
            await AddSpaceAsync(space);
            await IpAsync($"-n {space} link add cable type veth peer name port{host} netns {Hub}");
            await IpAsync($"-n {space} address add 10.78.0.{host}/24 dev cable");
            await IpAsync($"-n {space} link set lo up");
            await IpAsync($"-n {space} link set cable up");
            await IpAsync($"-n {Hub} link set port{host} master first");
            await IpAsync($"-n {Hub} link set port{host} up");
        }

        string peers = string.Join(',', Enumerable.Range(1, count).Select(host => $"10.78.0.{host}:5671"));
        for (int host = 1; host <= count; host++)
        {
            _daemons.Add(await DaemonProcess.StartInAsync(
                $"nxd{host}x{_id}",
                _folder,
                $"n{host}",
                ["--cluster=test", "--discovery=static", $"--peers={peers}", "--mesh-port=5671", .. more]));
        }
    }

    private async Task AddSpaceAsync(string space)
    {
        await IpAsync($"netns add {space}");
        _spaces.Add(space);
    }

    private static async Task IpAsync(string arguments)
    {
        await using var ip = new RunningProcess("ip", arguments.Split(' '));
        (int exitCode, _) = await ip.WaitForExitAsync();
        Assert.True(exitCode == 0, $"ip {arguments} exited with {exitCode}.\n{ip.Errors}");
    }
}
