namespace NexusD.EndToEnd.Tests.Harness;

/// <summary>Two daemons, each in a network namespace of its own, with one cable between them.</summary>
internal sealed class NamespacePair : IAsyncDisposable
{
    private static int _count;

    private readonly string _id = $"{Environment.ProcessId % 100_000}-{Interlocked.Increment(ref _count)}";
    private readonly TempFolder _folder = new();

    private NamespacePair()
    {
    }

    public DaemonProcess A { get; private set; } = null!;

    public DaemonProcess B { get; private set; } = null!;

    private string SpaceA => $"nxda{_id}";

    private string SpaceB => $"nxdb{_id}";

    public static async Task<NamespacePair> StartAsync()
    {
        var pair = new NamespacePair();
        await IpAsync($"netns add {pair.SpaceA}");
        await IpAsync($"netns add {pair.SpaceB}");
        await IpAsync($"-n {pair.SpaceA} link add cable type veth peer name cable netns {pair.SpaceB}");
        foreach ((string space, int host) in new[] { (pair.SpaceA, 1), (pair.SpaceB, 2) })
        {
            await IpAsync($"-n {space} address add 10.77.0.{host}/24 dev cable");
            await IpAsync($"-n {space} link set lo up");
            await IpAsync($"-n {space} link set cable up");
        }

        pair.A = await pair.StartDaemonAsync("a", pair.SpaceA, "10.77.0.2");
        pair.B = await pair.StartDaemonAsync("b", pair.SpaceB, "10.77.0.1");
        await pair.LinkedAsync();
        return pair;
    }

    public Task LinkedAsync() => Task.WhenAll(A.LinkedToAsync("b"), B.LinkedToAsync("a"));

    public async Task<TimeSpan> BothAreAloneAsync()
    {
        TimeSpan[] waits = await Task.WhenAll(RelayedPair.IsAloneAsync(A), RelayedPair.IsAloneAsync(B));
        return waits.Max();
    }

    /// <summary>Pulls or plugs the cable at the side of <see cref="A"/>.</summary>
    public Task SetCableAsync(bool plugged) => IpAsync($"-n {SpaceA} link set cable {(plugged ? "up" : "down")}");

    /// <summary>
    /// What <see cref="A"/> sends goes into a black hole, or does not any more; what is sent to it arrives.
    /// </summary>
    public Task SetMuteAsync(bool mute) =>
        IpAsync($"-n {SpaceA} route {(mute ? "add" : "del")} blackhole 10.77.0.2/32");

    /// <summary>Gives <see cref="A"/> another address.</summary>
    public async Task MoveAsync(int host)
    {
        await IpAsync($"-n {SpaceA} address flush dev cable");
        await IpAsync($"-n {SpaceA} address add 10.77.0.{host}/24 dev cable");
    }

    public async ValueTask DisposeAsync()
    {
        if (A is not null)
        {
            await A.DisposeAsync();
        }

        if (B is not null)
        {
            await B.DisposeAsync();
        }

        await IpAsync($"netns del {SpaceA}");
        await IpAsync($"netns del {SpaceB}");
        _folder.Dispose();
    }

    private static async Task IpAsync(string arguments)
    {
        await using var ip = new RunningProcess("ip", arguments.Split(' '));
        (int exitCode, _) = await ip.WaitForExitAsync();
        Assert.True(exitCode == 0, $"ip {arguments} exited with {exitCode}.\n{ip.Errors}");
    }

    private Task<DaemonProcess> StartDaemonAsync(string name, string space, string peer) =>
        DaemonProcess.StartInAsync(
            space,
            _folder,
            name,
            "--cluster=test",
            "--discovery=static",
            $"--peers={peer}:5671",
            "--mesh-port=5671");
}
