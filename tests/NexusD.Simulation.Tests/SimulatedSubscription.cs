using System.Buffers.Binary;
using NexusD.Protocol;
using NexusD.Protocol.Topics;
using NexusD.Routing;
using NexusD.Routing.Queues;

namespace NexusD.Simulation.Tests;

/// <summary>A subscription that checks each event; at once, or through a queue that is read now and then.</summary>
internal sealed class SimulatedSubscription : DeliveryTarget
{
    private readonly Dictionary<ulong, DeliveryLedger> _ledgers = [];
    private readonly SubscriptionQueue? _queue;
    private readonly bool _conflates;
    private long _toldInSum;

    public SimulatedSubscription(SimulatedNode node, int id, string filter, QueueSettings? queue)
    {
        Node = node;
        Name = $"sub {id} {filter}" + (queue is null ? "" : $" {queue.Value.Policy}");
        Filter = TopicFilter.Parse(filter);
        _conflates = queue?.Policy == OverflowPolicy.Conflate;
        _queue = queue is { } settings ? node.Inner.Router.CreateQueue(settings) : null;
        node.Inner.Router.Subscribe(this, Filter);
    }

    public SimulatedNode Node { get; }

    public string Name { get; }

    public TopicFilter Filter { get; }

    public bool IsClosed { get; private set; }

    /// <summary>Whether its node and itself still are.</summary>
    public bool IsAlive => Node.IsAlive && !IsClosed;

    /// <summary>Nodes that certainly know that it wants events.</summary>
    public HashSet<SimulatedNode> Established { get; } = [];

    private SimulationRun Run => Node.Run;

    private bool CoversAll => Filter.Canonical.SequenceEqual("#"u8);

    public DeliveryLedger LedgerOf(ulong publisher)
    {
        if (!_ledgers.TryGetValue(publisher, out DeliveryLedger? ledger))
        {
            _ledgers.Add(publisher, ledger = new DeliveryLedger());
        }

        return ledger;
    }

    public override void Deliver(in EventRun run, ref RouteEntry entry)
    {
        DeliveryLedger ledger = LedgerOf(run.Publisher);
        if (!Filter.Matches(run.Topic.Utf8))
        {
            throw Failure($"got an event of {run.Topic.Text}", run.Publisher);
        }

        for (int i = 0; i < run.Count; i++)
        {
            ulong number = run.Number + (ulong)i;
            if (!ledger.Match(number, Run.World.NowNs))
            {
                throw Failure($"got number {number} twice", run.Publisher);
            }
        }

        if (_queue is null)
        {
            Take(run);
        }
        else
        {
            _queue.Enqueue(run);
        }
    }

    public override void DeliverGap(in GapNotice gap)
    {
        if (_queue is null)
        {
            TakeGap(gap);
        }
        else
        {
            _queue.EnqueueGap(gap);
        }
    }

    public override void DeliverLoss(in EventRun run, DropReason reason, string where)
    {
        LedgerOf(run.Publisher).See(Run.World.NowNs);
        if (_queue is null)
        {
            base.DeliverLoss(run, reason, where);
        }
        else
        {
            _queue.Refuse(run, reason);
        }
    }

    /// <summary>Reads up to so many runs of the queue.</summary>
    public void Drain(int most = int.MaxValue)
    {
        if (_queue is null)
        {
            return;
        }

        while (most-- > 0 && _queue.TryPeek(Node.Now, out EventRun run))
        {
            TakeGaps();
            Take(run);
            _queue.Dequeue();
        }

        if (_queue.IsEmpty)
        {
            TakeGaps();
        }
    }

    public void Close()
    {
        Drain();
        Node.Inner.Router.Unsubscribe(this);
        Release();
    }

    /// <summary>Its process is gone: what it had not read is nobody's business.</summary>
    public void Release()
    {
        IsClosed = true;
        _queue?.Dispose();
    }

    /// <summary>The accounting identity: published = delivered + told as lost, for each publisher.</summary>
    public void Check(IEnumerable<SimulatedPublisher> publishers)
    {
        (long Told, long Least, long Most) sum = (_toldInSum, 0, 0);
        foreach (SimulatedPublisher publisher in publishers)
        {
            if (!_ledgers.TryGetValue(publisher.Id, out DeliveryLedger? ledger))
            {
                continue;
            }

            (long least, long most) = ledger.Bounds(publisher, !publisher.Node.IsAlive || !IsAlive);
            if (_toldInSum == 0)
            {
                CheckTold(ledger.Told, least, most, publisher.Id);
            }

            sum = (sum.Told + ledger.Told, sum.Least + least, sum.Most + most);
        }

        CheckTold(sum.Told, sum.Least, sum.Most, 0);
    }

    /// <summary>With nothing in the way an event has arrived.</summary>
    public void CheckArrived(SimulatedPublisher publisher, ulong number)
    {
        DeliveryLedger ledger = LedgerOf(publisher.Id);
        if (_queue is null && ledger.IsExpected(number) && !ledger.IsDelivered(number))
        {
            throw Failure($"did not get number {number} though nothing was in the way", publisher.Id);
        }
    }

    private void Take(in EventRun run)
    {
        DeliveryLedger ledger = LedgerOf(run.Publisher);
        SimulatedPublisher publisher = Run.PublisherOf(run.Publisher);
        var events = new RunReader(run.Body);
        for (ulong number = run.Number; events.TryRead(out ReadOnlySpan<byte> payload); number++)
        {
            Run.History.Note(Node.Name, $"{Name} gets", run.Publisher, number, run.Topic.Text);
            if (number > (ulong)publisher.Events.Count)
            {
                throw Failure($"got number {number}, which was never published", run.Publisher);
            }

            PublishedEvent published = publisher.Events[(int)number - 1];
            if (published.Topic != run.Topic.Text || published.Priority != run.Priority || !IsOf(payload, run, number))
            {
                throw Failure($"got number {number} with what is not its topic, class or payload", run.Publisher);
            }

            if (!ledger.Deliver(number, published, _conflates))
            {
                throw Failure($"got number {number} behind a later one", run.Publisher);
            }
        }
    }

    private static bool IsOf(ReadOnlySpan<byte> payload, in EventRun run, ulong number) => payload.IsEmpty
        || (BinaryPrimitives.ReadUInt64LittleEndian(payload) == run.Publisher
            && BinaryPrimitives.ReadUInt64LittleEndian(payload[8..]) == number);

    private void TakeGaps()
    {
        while (_queue!.TryTakeGap(out GapNotice gap))
        {
            TakeGap(gap);
        }
    }

    private void TakeGap(in GapNotice gap)
    {
        Run.History.Note(
            Node.Name, $"{Name} is told {gap.Count} lost up to {gap.To}, {gap.Reason} at {gap.Where},",
            gap.Publisher, gap.From);
        if (gap.Publisher == 0)
        {
            _toldInSum += (long)gap.Count; // of many publishers: from now on the sums are compared
        }
        else
        {
            LedgerOf(gap.Publisher).Tell(gap.Count);
        }
    }

    private void CheckTold(long told, long least, long most, ulong publisher)
    {
        if (told < least || (CoversAll && told > most))
        {
            throw Failure($"was told of {told} losses; it misses {least} to {most}", publisher);
        }
    }

    private SimulationFailure Failure(string what, ulong publisher) =>
        new($"{Name} at {Node.Name} {what}", publisher);
}
