using NexusdBench.History;
using NexusdClient;

namespace NexusdBench.Chaos;

/// <summary>
/// A client with one subscription that writes down what comes, on the client's reading thread and so in its order.
/// </summary>
internal sealed class SubscriberParty : IAsyncDisposable
{
    private readonly EventPlan _plan;
    private readonly Client _client;
    private readonly ConnectionLog _connections;
    private readonly SubscribeOptions _options;
    private readonly int _publishers;
    private readonly OpenRun[,] _open;
    private readonly long[,] _highest;
    private readonly HashSet<(int Publisher, ulong Id)> _ids = [];
    private int _connection = -1;
    private long _order;
    private long _received;
    private long _told;
    private long _stuckUntil;
    private long _slowUntil;

    internal SubscriberParty(
        RunHistory history, SubscriptionLog log, string address, SubscribeOptions options, int publishers,
        RunClock clock)
    {
        _plan = history.Plan;
        Log = log;
        Name = log.Name;
        _options = options;
        _publishers = publishers;
        _open = new OpenRun[publishers, _plan.Streams(log.IsPerTopic)];
        _highest = new long[publishers, _plan.Streams(log.IsPerTopic)];
        _client = new Client(address, ChaosClients.Options(log.Name));
        _connections = new ConnectionLog(_client, clock, log.Connections);
        _client.StateChanged += (_, change) => OnState(change);
        _client.Gap += (_, gap) => OnGap(gap);
    }

    internal string Name { get; }

    internal SubscriptionLog Log { get; }

    internal long Received => Volatile.Read(ref _received);

    internal long Told => Volatile.Read(ref _told);

    internal bool IsConnected => _client.State == ConnectionState.Connected;

    /// <summary>Subscribes and waits until the daemon has confirmed.</summary>
    internal async Task StartAsync()
    {
        await _client.WaitReadyAsync(TimeSpan.FromSeconds(10));
        var subscription = _client.Subscribe([_plan.Filter(Log.Scope)], OnEvent, _options);
        await subscription.Ready.WaitAsync(TimeSpan.FromSeconds(10));
    }

    /// <summary>Does not read for so long, in nanoseconds.</summary>
    internal void Stick(long time) => Volatile.Write(ref _stuckUntil, Clock.Now + time);

    /// <summary>Takes a millisecond for each event for so long, in nanoseconds.</summary>
    internal void SlowDown(long time) => Volatile.Write(ref _slowUntil, Clock.Now + time);

    /// <summary>Whether an event of the publisher from this number on has come.</summary>
    internal bool HasFrom(int publisher, long number)
    {
        for (var stream = 0; stream < _highest.GetLength(1); stream++)
        {
            if (Volatile.Read(ref _highest[publisher, stream]) >= number)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// Whether the last event of each stream has come, of those that have one from a number on.
    /// </summary>
    internal bool HasLast(int publisher, long first, long last)
    {
        var left = _highest.GetLength(1);
        var seen = new bool[left];
        for (var number = last; number >= first && left > 0; number--)
        {
            var topic = _plan.TopicOf(publisher, number);
            var stream = EventPlan.StreamOf(Log.IsPerTopic, topic);
            if (EventPlan.Matches(Log.Scope, topic) && !seen[stream])
            {
                seen[stream] = true;
                left--;
                if (Volatile.Read(ref _highest[publisher, stream]) < number)
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>Ends the client and closes the log.</summary>
    public async ValueTask DisposeAsync()
    {
        Volatile.Write(ref _stuckUntil, 0);
        Volatile.Write(ref _slowUntil, 0);
        await _client.DisposeAsync();
        CloseRuns();
    }

    /// <summary>Looks whether each publisher's events came under an id that it had. When all have ended.</summary>
    internal void CheckIds(List<PublisherLog> publishers)
    {
        foreach (var (publisher, id) in _ids.Where(i => !publishers[i.Publisher].Has(i.Id)))
        {
            Log.Bad.Add(new BadDelivery(
                ViolationKind.WrongIdentity, publisher, 0, $"events came under the publisher id {id}, not its own"));
        }
    }

    private void OnState(ConnectionStateChange change)
    {
        if (change.Current == ConnectionState.Connected)
        {
            CloseRuns();
            _connection++;
        }

        _connections.Take(change, 0, 0);
    }

    private void OnGap(EventGap gap)
    {
        Volatile.Write(ref _told, _told + (long)gap.Count);
        Log.Gaps.Add(new ToldGap(
            ++_order, _connection, gap.Publisher, (long)gap.From, (long)gap.To, (long)gap.Count, gap.Reason,
            gap.Where.Replace(' ', '_')));
    }

    private void OnEvent(in MessageView view)
    {
        Hold();
        Volatile.Write(ref _received, _received + 1);
        var number = (long)view.Number;
        if (!ChaosPayload.TryRead(view.Payload, out var publisher, out var written))
        {
            Log.Bad.Add(new BadDelivery(
                ViolationKind.WrongPayload, -1, number, "the payload is not what was published"));
            return;
        }

        if ((uint)publisher >= (uint)_publishers || written != number)
        {
            Log.Bad.Add(new BadDelivery(
                ViolationKind.WrongIdentity, publisher, number, $"it was published as {written}"));
            return;
        }

        var topic = _plan.TopicOf(publisher, number);
        if (!view.TopicUtf8.SequenceEqual(_plan.NameUtf8(topic)))
        {
            Log.Bad.Add(new BadDelivery(
                ViolationKind.WrongIdentity, publisher, number, $"it came on {view.Topic}, not {_plan.Name(topic)}"));
            return;
        }

        _ids.Add((publisher, view.Publisher));
        var kind = view.IsRetained ? DeliveryKind.Retained
            : view.IsReplayed ? DeliveryKind.Replayed
            : DeliveryKind.Live;
        Note(publisher, EventPlan.StreamOf(Log.IsPerTopic, topic), kind, number);
    }

    private void Note(int publisher, int stream, DeliveryKind kind, long number)
    {
        ref var run = ref _open[publisher, stream];
        if (run.Last != 0 && run.Kind == kind
            && _plan.NextInStream(Log, publisher, stream, run.Last, number) == number)
        {
            run.Last = number;
        }
        else
        {
            Close(publisher, stream);
            run = new OpenRun { Order = ++_order, Kind = kind, First = number, Last = number };
        }

        if (number > _highest[publisher, stream])
        {
            Volatile.Write(ref _highest[publisher, stream], number);
        }
    }

    private void CloseRuns()
    {
        for (var publisher = 0; publisher < _open.GetLength(0); publisher++)
        {
            for (var stream = 0; stream < _open.GetLength(1); stream++)
            {
                Close(publisher, stream);
            }
        }
    }

    private void Close(int publisher, int stream)
    {
        ref var run = ref _open[publisher, stream];
        if (run.Last != 0)
        {
            Log.Runs.Add(new DeliveredRun(run.Order, _connection, publisher, stream, run.Kind, run.First, run.Last));
            run = default;
        }
    }

    private void Hold()
    {
        for (var until = Volatile.Read(ref _stuckUntil); Clock.Now < until;)
        {
            Clock.Sleep(5_000_000);
            until = Volatile.Read(ref _stuckUntil);
        }

        if (Clock.Now < Volatile.Read(ref _slowUntil))
        {
            Clock.Sleep(1_000_000);
        }
    }

    private struct OpenRun
    {
        internal long Order;
        internal DeliveryKind Kind;
        internal long First;
        internal long Last;
    }
}
