using NexusD.Protocol;
using NexusdBench.History;
using NexusdClient;

namespace NexusdBench.Chaos;

/// <summary>
/// One run: the mesh settles, publishers load it while things go wrong, everything is mended, the load goes on gently
/// until all excuses are over, and everybody gets the last events.
/// </summary>
internal sealed class ChaosRun(ChaosOptions options, ProgressLine progress) : IAsyncDisposable
{
    private const double GentleRate = 20;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly RunClock _clock = new();
    private readonly RunHistory _history =
        new(new EventPlan(options.Seed, options.Topics, $"chaos/{Environment.ProcessId:x}-{options.Seed:x}"))
        {
            Grace = Clock.Nanoseconds(options.Grace),
        };

    private readonly List<PublisherParty> _publishers = [];
    private readonly List<SubscriberParty> _subscribers = [];
    private readonly List<StreamRelay> _streams = [];
    private ChaosMesh? _mesh;
    private FaultLanes? _faults;
    private string _phase = "settling";

    /// <summary>Seconds that the run took.</summary>
    internal double Seconds => _clock.Seconds;

    internal int Faults => _faults?.Count ?? 0;

    /// <summary>Plays the run.</summary>
    /// <returns>What the clients saw.</returns>
    /// <exception cref="NexusdException">It could not begin or go on.</exception>
    internal async Task<RunHistory> PlayAsync()
    {
        if (options.Nodes > 0)
        {
            _mesh = await ChaosMesh.StartAsync(
                DaemonGroup.Find(options.DaemonPath), options.Nodes, options.Seed, options.DaemonOptions());
        }

        using var ended = new CancellationTokenSource();
        var showing = ShowAsync(ended.Token);
        try
        {
            MakeParties();
            await Task.WhenAll(_publishers.Select(p => p.ConnectAsync()));
            await Task.WhenAll(_subscribers.Select(s => s.StartAsync()));
            await SettleAsync();
            await LoadAsync();
            await EndAsync();
        }
        finally
        {
            await ended.CancelAsync();
            await showing;
        }

        return _history;
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_publishers.Select(p => p.DisposeAsync().AsTask()));
        await Task.WhenAll(_subscribers.Select(s => s.DisposeAsync().AsTask()));
        await Task.WhenAll(_streams.Select(s => s.DisposeAsync().AsTask()));
        if (_mesh is not null)
        {
            await _mesh.DisposeAsync();
        }
    }

    private void MakeParties()
    {
        for (var i = 0; i < options.Publishers; i++)
        {
            var log = new PublisherLog($"p{i}");
            _history.Publishers.Add(log);
            _publishers.Add(new PublisherParty(
                _history, log, i, AddressFor(i), acknowledged: i % 2 == 0, options.Payload, _clock));
        }

        for (var i = 0; i < options.Subscribers; i++)
        {
            var policy = options.Policies[i % options.Policies.Count];
            var scope = i % 3 == 2 ? TopicScope.Half : TopicScope.All;
            var resumes = (i / 2) % 2 == 0;
            var log = new SubscriptionLog(
                $"s{i}-{policy.ToWireName()}{(scope == TopicScope.Half ? "-half" : "")}{(resumes ? "-resume" : "")}",
                scope, policy == OverflowPolicy.Conflate, resumes);
            _history.Subscriptions.Add(log);
            var subscribe = new SubscribeOptions
            {
                Overflow = policy,
                BlockTimeout = policy == OverflowPolicy.Block ? TimeSpan.FromMilliseconds(200) : null,
                ResumeAfterReconnect = resumes,

                // Small ones overflow while their reader is stuck.
                QueueEvents = i % 4 == 3 ? 0 : 500,
            };
            _subscribers.Add(new SubscriberParty(_history, log, AddressFor(i), subscribe, options.Publishers, _clock));
        }

        _faults = _mesh is null ? null : new FaultLanes(_mesh, _history, _clock, _subscribers, _streams);
    }

    /// <summary>Clients go to the daemons in turn; of those of this run's own every second through a relay.</summary>
    private string AddressFor(int client)
    {
        if (_mesh is null)
        {
            return options.Connect[client % options.Connect.Count];
        }

        var node = _mesh.Nodes[client % _mesh.Nodes.Count];
        if (client % 2 != 0)
        {
            return "unix:" + node.SocketPath;
        }

        var stream = new StreamRelay(_mesh.PathOf($"c{_streams.Count}.sock"), node.SocketPath);
        _streams.Add(stream);
        return stream.Address;
    }

    /// <summary>Publishes gently until every subscriber has had something of every publisher.</summary>
    private async Task SettleAsync()
    {
        _publishers.ForEach(p => p.SetRate(GentleRate * 5));
        await UntilAsync(
            () => _subscribers.All(s => Enumerable.Range(0, _publishers.Count).All(p => s.HasFrom(p, 1))),
            "not every subscriber gets events of every publisher; are all daemons of one mesh?");
        foreach (var publisher in _publishers)
        {
            publisher.Log.Begin = publisher.Handed + 1;
        }
    }

    private async Task LoadAsync()
    {
        _phase = "load";
        using var stop = new CancellationTokenSource();
        var faults = _faults?.RunAsync(options.Seed, options.Faults, stop.Token) ?? Task.CompletedTask;
        _publishers.ForEach(p => p.SetRate((double)options.Rate / _publishers.Count));
        var end = Clock.Now + Clock.Nanoseconds(options.Duration);
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (!IsLoadOver(end) && !faults.IsFaulted)
        {
            await pace.WaitForNextTickAsync();
        }

        await stop.CancelAsync();
        await faults;
        _mesh?.Calm();
    }

    private bool IsLoadOver(long end) =>
        options.Events > 0 ? _publishers.Sum(p => p.Handed) >= options.Events : Clock.Now >= end;

    private async Task EndAsync()
    {
        _phase = "healing";
        _publishers.ForEach(p => p.SetRate(GentleRate));
        await UntilAsync(
            () => _publishers.All(p => p.IsConnected) && _subscribers.All(s => s.IsConnected),
            "clients do not get back to their daemons");

        // What comes from here on is excused no more.
        var calm = _clock.Now + _history.Grace;
        await WaitAsync(() => _clock.Now > calm, Patience + TimeSpan.FromSeconds(options.Grace));
        var last = _publishers.ConvertAll(p => p.Handed + 1);
        await WaitAsync(
            () => _subscribers.All(s => Enumerable.Range(0, _publishers.Count).All(p => s.HasFrom(p, last[p]))),
            Patience);
        _phase = "finishing";
        await Task.WhenAll(_publishers.Select(p => p.FinishAsync(Patience)));
        await WaitAsync(
            () => _subscribers.All(s => Enumerable.Range(0, _publishers.Count).All(
                p => s.HasLast(p, last[p], _publishers[p].Handed))),
            Patience / 2);
        await Task.WhenAll(_publishers.Select(p => p.DisposeAsync().AsTask()));
        await Task.WhenAll(_subscribers.Select(s => s.DisposeAsync().AsTask()));
        _subscribers.ForEach(s => s.CheckIds(_history.Publishers));
        if (_publishers.Find(p => p.Failure is not null) is { } failed)
        {
            throw new NexusdException($"{failed.Log.Name}: {failed.Failure}");
        }
    }

    private async Task UntilAsync(Func<bool> reached, string otherwise)
    {
        if (!await WaitAsync(reached, Patience))
        {
            throw new NexusdException($"after {Patience.TotalSeconds:0} s {otherwise}");
        }
    }

    private async Task<bool> WaitAsync(Func<bool> reached, TimeSpan patience)
    {
        var end = Clock.Now + Clock.Nanoseconds(patience.TotalSeconds);
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (!reached())
        {
            if (Clock.Now > end || _publishers.Exists(p => p.Failure is not null))
            {
                return false;
            }

            await pace.WaitForNextTickAsync();
        }

        return true;
    }

    private async Task ShowAsync(CancellationToken ended)
    {
        using var pace = new PeriodicTimer(ProgressLine.Interval);
        try
        {
            while (await pace.WaitForNextTickAsync(ended))
            {
                progress.Say(FormattableString.Invariant(
                    $"seed {options.Seed}  {_phase}  {_clock.Seconds:0.0} s  ")
                    + FormattableString.Invariant($"{_publishers.Sum(p => p.Handed):N0} events  ")
                    + FormattableString.Invariant(
                        $"{_subscribers.Sum(s => s.Received):N0} deliveries  {_subscribers.Sum(s => s.Told):N0} told  ")
                    + $"{Faults} faults  {_faults?.Latest}");
            }
        }
        catch (OperationCanceledException)
        {
            progress.Clear();
        }
    }
}
