using NexusdBench.Chaos;

namespace NexusD.EndToEnd.Tests.Harness;

/// <summary>Two daemons of which one dials the other through a <see cref="LossyRelay"/>.</summary>
internal sealed class RelayedPair : IAsyncDisposable
{
    /// <summary>
    /// Three seconds are the rule, which the tests in virtual time hold exactly; the rest is for a busy machine and the
    /// programs that ask.
    /// </summary>
    public const double NoticedWithinSeconds = 6;

    private readonly TempFolder _folder = new();

    private RelayedPair()
    {
    }

    public DaemonProcess Dialer { get; private set; } = null!;

    public DaemonProcess Listener { get; private set; } = null!;

    public LossyRelay Relay { get; private set; } = null!;

    public static async Task<RelayedPair> StartAsync(int seed, params string[] more)
    {
        var pair = new RelayedPair();
        string[] common = ["--cluster=test", "--bind=127.0.0.1", "--discovery=static", .. more];
        pair.Listener = await DaemonProcess.StartAsync(pair._folder, "listener", common);
        pair.Relay = new LossyRelay(pair.Listener.MeshPort, seed);
        pair.Dialer = await DaemonProcess.StartAsync(
            pair._folder, "dialer", [.. common, $"--peers=127.0.0.1:{pair.Relay.Port}"]);
        await pair.LinkedAsync();
        return pair;
    }

    public Task LinkedAsync() => Task.WhenAll(Dialer.LinkedToAsync("listener"), Listener.LinkedToAsync("dialer"));

    /// <summary>Waits until neither has a link; returns how long that took.</summary>
    public async Task<TimeSpan> BothAreAloneAsync()
    {
        TimeSpan[] waits = await Task.WhenAll(IsAloneAsync(Dialer), IsAloneAsync(Listener));
        return waits.Max();
    }

    public static Task<TimeSpan> IsAloneAsync(DaemonProcess daemon) => Eventually.TrueAsync(
        $"{daemon.Name} has no link",
        () => daemon.JsonAsync("peers"),
        peers => peers.EnumerateArray().All(p => p.GetProperty("state").GetString() is not ("up" or "suspect")));

    /// <summary>Ends both flows; nothing was lost.</summary>
    public async Task CheckAsync(EventFlow one, EventFlow other)
    {
        await Task.WhenAll(one.EndPublishingAsync(), other.EndPublishingAsync());
        int[] lost = await Task.WhenAll(one.CheckAsync(), other.CheckAsync());
        Assert.Equal([0, 0], lost);
    }

    public async ValueTask DisposeAsync()
    {
        if (Dialer is not null)
        {
            await Dialer.DisposeAsync();
        }

        await Listener.DisposeAsync();
        await Relay.DisposeAsync();
        _folder.Dispose();
    }
}
