using System.Diagnostics;
using System.Globalization;
using NexusdBench.Gate;

namespace NexusdBench;

/// <summary>
/// What daemons keep for connections and peers that say nothing: resident memory before and after, each time when it
/// has settled. Peers are counted from the second.
/// </summary>
internal sealed class IdleScenario(BenchOptions options, ProgressLine progress) : Scenario(options, progress)
{
    // A daemon gives back what its start took; memory has settled when it stays within so little for so long.
    private const double SettledMegabytes = 0.1;
    private static readonly TimeSpan SettledFor = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan SettleLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(100);
    private static readonly long SubscribeLimit = Clock.Nanoseconds(20);

    internal override async Task<Findings> RunAsync()
    {
        await using var group = new DaemonGroup(Options);
        var (ofConnection, before, after) = await ConnectionsAsync(await group.StartAsync());
        var ofPeer = Options.Peers > 0 ? await PeersAsync(group, await group.StartAsync()) : 0;
        Progress.Clear();
        return new Findings(new BenchResult
        {
            Title = string.Create(
                CultureInfo.InvariantCulture, $"{Options.Connections:N0} connections, then {Options.Peers} peers"),
            EventsPerSecond = 0,
            DeliveriesPerSecond = 0,
            LatencyUs = LatencyFigures.None,
            Lost = 0,
            LostTold = 0,
            Duplicates = 0,
            Reordered = 0,
            IsVerified = false,
            CpuSecondsPerMillion = new CpuFigures(0, 0),
            DaemonRssMb = Math.Round(after, 1),
            IdleKb = new MemoryFigures(Math.Round(ofConnection, 1), Math.Round(ofPeer, 1)),
            Daemons = [],
        }) with
        {
            Remarks =
            [
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The daemon without connections: {before:0.0} MB, with them: {after:0.0} MB."),
            ],
        };
    }

    private async Task<(double Kilobytes, double Before, double After)> ConnectionsAsync(DaemonProcess daemon)
    {
        Progress.Say("idle: the daemon settles");
        var before = await SettledAsync(daemon);
        var open = new List<LeanSubscriber>();
        try
        {
            for (var i = 0; i < Options.Connections; i++)
            {
                var one = new LeanSubscriber(daemon.Address, 0, null);
                open.Add(one);
                one.Subscribe([$"idle/{i}/x"], Clock.Now + SubscribeLimit);
                one.StopReading();
            }

            Progress.Say($"idle: {Options.Connections} connections settle");
            var after = await SettledAsync(daemon);
            return ((after - before) * 1000 / Options.Connections, before, after);
        }
        finally
        {
            open.ForEach(c => c.Dispose());
        }
    }

    private async Task<double> PeersAsync(DaemonGroup group, DaemonProcess daemon)
    {
        // The first peer brings what any number of them needs: code that is used for the first time, tables.
        await group.StartAsync(daemon);
        var before = await SettledAsync(daemon);
        for (var i = 0; i < Options.Peers; i++)
        {
            await group.StartAsync(daemon);
        }

        Progress.Say($"idle: {Options.Peers} peers settle");
        return (await SettledAsync(daemon) - before) * 1000 / Options.Peers;
    }

    private static async Task<double> SettledAsync(DaemonProcess daemon)
    {
        var all = Stopwatch.StartNew();
        var quiet = Stopwatch.StartNew();
        var last = ProcessFigures.ResidentMegabytes(daemon.Pid);
        while (quiet.Elapsed < SettledFor && all.Elapsed < SettleLimit)
        {
            await Task.Delay(LookEvery);
            var now = ProcessFigures.ResidentMegabytes(daemon.Pid);
            if (Math.Abs(now - last) > SettledMegabytes)
            {
                last = now;
                quiet.Restart();
            }
        }

        return ProcessFigures.ResidentMegabytes(daemon.Pid);
    }
}
