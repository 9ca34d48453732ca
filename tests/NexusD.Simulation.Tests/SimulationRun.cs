using NexusD.Protocol;

namespace NexusD.Simulation.Tests;

/// <summary>
/// A mesh that goes through everything that a seed has in store for it: epochs of publishing and faults, each followed
/// by a quiet point at which all faults end and everything has to come right.
/// </summary>
internal sealed partial class SimulationRun
{
    private const int Epochs = 3;
    private const long MebiByte = 1 << 20;

    private readonly Random _choice;
    private readonly LaneTap _tap;
    private readonly Dictionary<ulong, SimulatedPublisher> _publishers = [];
    private readonly List<SimulatedSubscription> _subscriptions = [];
    private readonly long _linkQueueBytes;
    private readonly TimeSpan _linkHold;
    private readonly int _hosts;
    private long _mortalUntilNs;

    /// <param name="seed">Decides everything.</param>
    /// <param name="mutation">What is broken on purpose.</param>
    public SimulationRun(int seed, Mutation mutation = Mutation.None)
    {
        _choice = new Random(seed);
        World = new VirtualWorld(seed);
        History = new History(World);
        _tap = new LaneTap(this, mutation, new Random(seed));
        World.Network.Tap = _tap.See;
        World.Network.DelayNs = 100_000 * (1 + _choice.Next(1 << _choice.Next(8)));
        World.Network.JitterNs = _choice.Next(3) == 0 ? 0 : 1_000_000 * _choice.Next(30);
        _linkQueueBytes = MebiByte * (1 + _choice.Next(3));
        _linkHold = TimeSpan.FromMilliseconds(_choice.Next(4) switch { 0 => 0, 1 => 500, 2 => 4_000, _ => 60_000 });
        _hosts = 3 + (_choice.Next(4) == 0 ? _choice.Next(6) : _choice.Next(2));
    }

    public VirtualWorld World { get; }

    public History History { get; }

    /// <summary>All processes that ever were.</summary>
    public List<SimulatedNode> Nodes { get; } = [];

    /// <summary>Publishers of whose events something was broken on purpose.</summary>
    public IReadOnlySet<ulong> BrokenPublishers => _tap.Broken;

    private List<SimulatedNode> Alive => [.. Nodes.Where(static n => n.IsAlive)];

    /// <exception cref="SimulationFailure">An invariant does not hold.</exception>
    public void Execute()
    {
        for (int host = 1; host <= _hosts; host++)
        {
            Start(host);
        }

        BeQuiet();
        for (int epoch = 0; epoch < Epochs; epoch++)
        {
            for (int steps = 20 + _choice.Next(60); steps > 0; steps--)
            {
                History.Step++;
                Act();
                World.RunFor(_choice.Next(12) switch
                {
                    0 => _choice.Next(3_000),
                    1 => _choice.Next(400),
                    _ => _choice.Next(40),
                });
                CheckBounds();
            }

            BeQuiet();
        }

        End();
    }

    public SimulatedPublisher PublisherOf(ulong id) => _publishers.TryGetValue(id, out SimulatedPublisher? publisher)
        ? publisher
        : throw new SimulationFailure($"somebody got an event of publisher {id}, which there is not");

    /// <summary>An event is about to be published: whoever surely gets it or is told.</summary>
    public void Expect(SimulatedPublisher publisher, ulong number, string topic)
    {
        byte[] name = System.Text.Encoding.UTF8.GetBytes(topic);
        foreach (SimulatedSubscription subscription in _subscriptions)
        {
            if (subscription.IsAlive && subscription.Filter.Matches(name)
                && (subscription.Node == publisher.Node || subscription.Established.Contains(publisher.Node)))
            {
                subscription.LedgerOf(publisher.Id).Expect(number);
            }
        }
    }

    private void Start(int host)
    {
        var node = new SimulatedNode(this, host, _linkQueueBytes, _linkHold);
        node.Inner.Loop.ClockSkewMs = _choice.Next(-MostSkewMs, MostSkewMs);
        foreach (SimulatedNode other in Alive)
        {
            node.Inner.Knows(other.Inner);
            other.Inner.Knows(node.Inner);
        }

        Nodes.Add(node);
        History.Note(node.Name, "starts");
        for (int i = 1 + _choice.Next(2); i > 0; i--)
        {
            var publisher = new SimulatedPublisher((ulong)_publishers.Count + 1, node);
            _publishers.Add(publisher.Id, publisher);
            node.Publishers.Add(publisher);
        }

        Subscribe(node, "#", slow: false);
        Subscribe(node);
    }

    /// <summary>All faults end; then everything has to come right in time.</summary>
    private void BeQuiet()
    {
        History.Step++;
        History.Note("world", "heals");
        HealAll();
        foreach (SimulatedNode node in Alive)
        {
            node.Pause(false);
        }

        Await(() => Alive.Count < _hosts ? "a node is missing" : null, "all nodes run", 15_000);
        Await(NotLinked, "every node is linked with every other", 15_000);
        Await(InterestDiffers, "every node knows what the others want", 3_000);

        // What ends by itself does so by each node's own clock.
        int mortalMs = (int)Math.Max(0, (_mortalUntilNs - World.NowNs) / 1_000_000);
        Await(RetainedDiffers, "the retained stores are the same", 3_000 + mortalMs);
        Await(NotDrained, "every link has delivered what it had", 3_000);
        World.RunFor(500);
        foreach (SimulatedSubscription subscription in _subscriptions.Where(static s => s.IsAlive))
        {
            subscription.Drain();
            subscription.Established.UnionWith(Alive);
        }

        CheckIdentity();
        CheckRules();
        Probe();
    }

    private void Await(Func<string?> whatIsWrong, string what, int milliseconds)
    {
        string? wrong = whatIsWrong();
        for (int waited = 0; wrong is not null; waited += 50)
        {
            if (waited > milliseconds)
            {
                throw new SimulationFailure($"{milliseconds} ms after healing it is not so that {what}: {wrong}");
            }

            World.RunFor(50);
            wrong = whatIsWrong();
        }
    }

    private string? NotLinked() => FirstOfPairs(static (node, links, other) =>
        links.ContainsKey(other.Inner.Options.NodeId.ToString()) ? null : "no link");

    private string? InterestDiffers() => FirstOfPairs(static (node, links, other) =>
    {
        int known = links.GetValueOrDefault(other.Inner.Options.NodeId.ToString())?.InterestCount ?? -2;
        int filters = other.Inner.Router.GetStatistics().LocalFilters;
        return known == filters ? null : $"{known} filters known of {filters}";
    });

    private string? RetainedDiffers() => FirstOfPairs(static (node, _, other) =>
        node.Inner.Router.Retained.Digest == other.Inner.Router.Retained.Digest
            ? null
            : $"[{Retained(node)}] and [{Retained(other)}]");

    private static string Retained(SimulatedNode node)
    {
        var entries = new List<NexusD.Routing.Retained.RetainedEvent>();
        node.Inner.Router.Retained.CollectAll(entries);
        return string.Join(", ", entries.Select(static e =>
            $"{e.Topic.Text} {e.Publisher}:{e.Number}{(e.IsTombstone ? " deleted" : "")}").Order());
    }

    private string? NotDrained() => FirstOfPairs(static (node, links, other) =>
        links.GetValueOrDefault(other.Inner.Options.NodeId.ToString())?.QueuedBytes is 0
            ? null
            : "bytes are still queued");

    private string? FirstOfPairs(
        Func<SimulatedNode, Dictionary<string, LinkSnapshot>, SimulatedNode, string?> whatIsWrong)
    {
        List<SimulatedNode> alive = Alive;
        foreach (SimulatedNode node in alive)
        {
            Dictionary<string, LinkSnapshot> links = node.Links();
            foreach (SimulatedNode other in alive)
            {
                if (other != node && whatIsWrong(node, links, other) is { } wrong)
                {
                    return $"{node.Name} and {other.Name}: {wrong}";
                }
            }
        }

        return null;
    }

    private void CheckIdentity()
    {
        foreach (SimulatedSubscription subscription in _subscriptions.Where(static s => s.IsAlive))
        {
            subscription.Check(_publishers.Values);
        }
    }

    /// <summary>Nobody broke the protocol, so nobody may have said so.</summary>
    private void CheckRules()
    {
        foreach (SimulatedNode node in Alive)
        {
            MeshCounters counters = node.Inner.Snapshot.Counters;
            foreach (ErrorCode code in new[] { ErrorCode.Malformed, ErrorCode.OutOfOrder, ErrorCode.OverLimit })
            {
                if (counters.RefusedHere(code) + counters.RefusedByPeer(code) > 0)
                {
                    string log = string.Join("; ", node.Inner.Log.Lines.TakeLast(9));
                    throw new SimulationFailure($"a link of {node.Name} ended with {code}: {log}");
                }
            }
        }
    }

    /// <summary>Each publisher's next event reaches everybody who wants it, at once.</summary>
    private void Probe()
    {
        List<SimulatedPublisher> alive = [.. Alive.SelectMany(static n => n.Publishers)];
        foreach (SimulatedPublisher publisher in alive)
        {
            publisher.Node.Publish(publisher, AnyTopic(), 1, 20, Priority.Normal, 0, retain: false);
        }

        World.RunFor(500);
        foreach (SimulatedPublisher publisher in alive)
        {
            foreach (SimulatedSubscription subscription in _subscriptions.Where(static s => s.IsAlive))
            {
                subscription.CheckArrived(publisher, (ulong)publisher.Events.Count);
            }
        }
    }

    private void CheckBounds()
    {
        foreach (SimulatedNode node in Nodes.Where(static n => n.CanAct))
        {
            foreach (LinkSnapshot link in node.Inner.Snapshot.Links)
            {
                // High priority has an eighth more. What a turn brings is counted at its end: a slab of each lane and
                // a large payload or two may go beyond.
                if (link.QueuedBytes > _linkQueueBytes + (_linkQueueBytes / 8) + (2 * MebiByte))
                {
                    throw new SimulationFailure($"{node.Name} queues {link.QueuedBytes} bytes for {link.NodeName}");
                }
            }
        }
    }

    private void End()
    {
        foreach (SimulatedSubscription subscription in _subscriptions.Where(static s => !s.IsClosed))
        {
            subscription.Release();
        }

        foreach (SimulatedNode node in Nodes)
        {
            node.Dispose();
        }

        World.RunFor(100);
        foreach (SimulatedNode node in Nodes)
        {
            node.CheckNothingLeaked();
        }
    }
}
