using System.Net;
using NexusD.Protocol;
using NexusD.Routing.Queues;

namespace NexusD.Simulation.Tests;

/// <summary>What may happen at a step.</summary>
internal sealed partial class SimulationRun
{
    private const int MostSkewMs = 1_000;

    private static readonly string[] _topics = ["t/0", "t/1", "t/1/a", "t/2", "u/0", "u/1"];
    private static readonly string[] _retainedTopics = ["r/0", "r/1", "r/2/a", "r/2/b"];
    private static readonly string[] _filters = ["#", "t/#", "t/+", "t/1", "+/1", "u/0", "r/#", "r/2/+", "x/y"];

    private void Act()
    {
        if (Alive.Where(static n => n.CanAct).ToList() is not { Count: > 0 } able)
        {
            HealAll();
            Alive.ForEach(static n => n.Pause(false));
            return;
        }

        SimulatedNode node = able[_choice.Next(able.Count)];
        switch (_choice.Next(100))
        {
            case < 55:
                PublishSome(able);
                break;
            case < 60:
                PublishFlood(node);
                break;
            case < 72:
                BreakNetwork(node);
                break;
            case < 77:
                BreakConnection(node);
                break;
            case < 80:
                Subscribe(node);
                break;
            case < 83:
                CloseOne();
                break;
            case < 90:
                ReadQueues();
                break;
            case < 94:
                PauseOrWake(node);
                break;
            case < 96:
                node.Inner.Loop.ClockSkewMs = _choice.Next(-MostSkewMs, MostSkewMs);
                break;
            default:
                EndOne(node);
                break;
        }
    }

    private string AnyTopic() => _topics[_choice.Next(_topics.Length)];

    private void PublishSome(List<SimulatedNode> able)
    {
        for (int i = 1 + _choice.Next(8); i > 0; i--)
        {
            SimulatedNode node = able[_choice.Next(able.Count)];
            SimulatedPublisher publisher = node.Publishers[_choice.Next(node.Publishers.Count)];
            bool retain = _choice.Next(4) == 0;
            int size = _choice.Next(20) switch { 0 => 40_000, 1 or 2 => 9_000, _ => 20 };
            uint ttlMs = _choice.Next(6) == 0 ? (uint)(1 + _choice.Next(2_000)) : 0;
            var priority = (Priority)Math.Max(0, _choice.Next(6) - 3);
            if (retain)
            {
                string topic = _retainedTopics[_choice.Next(_retainedTopics.Length)];
                bool deletes = _choice.Next(4) == 0;
                if (ttlMs != 0 && !deletes)
                {
                    _mortalUntilNs = World.NowNs + ((ttlMs + (2 * MostSkewMs) + 1_000) * 1_000_000L);
                }

                node.Publish(publisher, topic, 1, deletes ? 0 : size, priority, deletes ? 0 : ttlMs, retain: true);
            }
            else
            {
                int count = size > 20 ? 1 : 1 + _choice.Next(4);
                node.Publish(publisher, AnyTopic(), count, size, priority, ttlMs, retain: false);
            }
        }
    }

    /// <summary>More than a link may hold.</summary>
    private void PublishFlood(SimulatedNode node)
    {
        long bytes = _linkQueueBytes * (1 + _choice.Next(4)) / 2;
        for (int i = 0; bytes > 0; i++)
        {
            int size = i % 5 == 0 ? 300_000 : 33_000;
            SimulatedPublisher publisher = node.Publishers[i % node.Publishers.Count];
            node.Publish(publisher, AnyTopic(), 1, size, (Priority)Math.Max(0, _choice.Next(6) - 3), 0, retain: false);
            bytes -= size;
        }
    }

    private void BreakNetwork(SimulatedNode node)
    {
        IPAddress other = AddressOf(1 + _choice.Next(_hosts));
        if (other.Equals(node.Address))
        {
            return;
        }

        switch (_choice.Next(8))
        {
            case < 2:
                History.Note(node.Name, $"is cut off from {other}");
                World.Network.Cut(node.Address, other);
                break;
            case < 4:
                History.Note(node.Name, $"does not reach {other}");
                World.Network.CutOneWay(node.Address, other);
                break;
            case 4:
                Partition();
                break;
            case 5:
                History.Note("world", "heals");
                HealAll();
                break;
            default:
                History.Note(node.Name, $"reaches {other} again");
                World.Network.Heal(node.Address, other);
                break;
        }
    }

    private void Partition()
    {
        int sides = _choice.Next(1, 1 << _hosts);
        History.Note("world", $"is divided {Convert.ToString(sides, 2)}");
        for (int one = 1; one <= _hosts; one++)
        {
            for (int other = one + 1; other <= _hosts; other++)
            {
                if (((sides >> (one - 1)) & 1) != ((sides >> (other - 1)) & 1))
                {
                    World.Network.Cut(AddressOf(one), AddressOf(other));
                }
            }
        }
    }

    private void HealAll()
    {
        for (int one = 1; one <= _hosts; one++)
        {
            for (int other = one + 1; other <= _hosts; other++)
            {
                World.Network.Heal(AddressOf(one), AddressOf(other));
            }
        }
    }

    private void BreakConnection(SimulatedNode node)
    {
        List<FakeConnection> open = [.. node.Inner.Endpoint.Own.Where(static c => !c.IsOver)];
        if (open.Count == 0)
        {
            return;
        }

        FakeConnection connection = open[_choice.Next(open.Count)];
        History.Note(node.Name, $"loses its connection with {connection.RemoteEndPoint}");
        connection.Die();
    }

    private void Subscribe(SimulatedNode node) =>
        Subscribe(node, _filters[_choice.Next(_filters.Length)], _choice.Next(3) == 0);

    private void Subscribe(SimulatedNode node, string filter, bool slow)
    {
        OverflowPolicy policy = _choice.Next(3) switch
        {
            0 => OverflowPolicy.DropOldest,
            1 => OverflowPolicy.DropNewest,
            _ => OverflowPolicy.Conflate,
        };
        var queue = new QueueSettings(4 + _choice.Next(40), 64 * 1024, policy);
        var subscription = new SimulatedSubscription(
            node, _subscriptions.Count, filter, slow ? queue : null);
        _subscriptions.Add(subscription);
        World.Settle();
        History.Note(node.Name, $"{subscription.Name} begins");
    }

    private void CloseOne()
    {
        SimulatedSubscription subscription = _subscriptions[_choice.Next(_subscriptions.Count)];
        if (subscription.IsAlive && subscription.Node.CanAct)
        {
            History.Note(subscription.Node.Name, $"{subscription.Name} ends");
            subscription.Close();
            World.Settle();
        }
    }

    private void ReadQueues()
    {
        foreach (SimulatedSubscription subscription in _subscriptions)
        {
            if (subscription.IsAlive && subscription.Node.CanAct)
            {
                subscription.Drain(_choice.Next(30));
            }
        }
    }

    private void PauseOrWake(SimulatedNode node)
    {
        if (Nodes.Find(static n => n.IsPaused) is { } paused)
        {
            History.Note(paused.Name, "goes on");
            paused.Pause(false);
        }
        else
        {
            History.Note(node.Name, "stops for a while");
            node.Pause(true);
        }
    }

    private void EndOne(SimulatedNode node)
    {
        foreach (SimulatedSubscription subscription in _subscriptions.Where(s => s.Node == node && s.IsAlive))
        {
            subscription.Drain();
        }

        if (_choice.Next(2) == 0)
        {
            History.Note(node.Name, "crashes");
            node.Crash();
            EndSubscriptions(node);
            World.After(_choice.Next(2_000) * 1_000_000L, () => Start(node.Host));
        }
        else
        {
            History.Note(node.Name, "leaves");
            node.Leave(() => World.After(_choice.Next(500) * 1_000_000L, () => Start(node.Host)));
            EndSubscriptions(node);
        }
    }

    private void EndSubscriptions(SimulatedNode node)
    {
        foreach (SimulatedSubscription subscription in _subscriptions.Where(s => s.Node == node && !s.IsClosed))
        {
            node.Inner.Router.Unsubscribe(subscription);
            subscription.Release();
            subscription.Check(_publishers.Values);
        }
    }

    private static IPAddress AddressOf(int host) => IPAddress.Parse($"10.0.0.{host}");
}
