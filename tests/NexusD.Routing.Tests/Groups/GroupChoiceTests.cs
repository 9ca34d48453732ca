using NexusD.Protocol;
using NexusD.Protocol.Topics;
using NexusD.Routing.Tests.Support;
using Xunit;

namespace NexusD.Routing.Tests.Groups;

/// <summary>Which member of a group an event goes to.</summary>
public sealed class GroupChoiceTests
{
    private const string Filter = "$share/g/t/#";

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void EveryNodeComesToTheSameMemberWhateverItHeardFirst(int seed)
    {
        var random = new Random(seed);
        NodeId[] ids = [.. Enumerable.Range(0, 3).Select(_ => NewId(random))];
        SimulatedNode[] nodes = [.. ids.Select(id => new SimulatedNode(id))];
        Introduce(random, nodes, membersPerNode: [4, 1, 5]);

        var perMember = new Dictionary<(int Node, uint Member), int>();
        for (int i = 0; i < 5_000; i++)
        {
            (int Node, uint Member) chosen = nodes[0].Choose(nodes, $"t/{i}");
            Assert.Equal(chosen, nodes[1].Choose(nodes, $"t/{i}"));
            Assert.Equal(chosen, nodes[2].Choose(nodes, $"t/{i}"));
            perMember[chosen] = perMember.GetValueOrDefault(chosen) + 1;
        }

        // 500 each on average; six standard deviations of a binomial are 127.
        Assert.Equal(10, perMember.Count);
        Assert.All(perMember.Values, count => Assert.InRange(count, 373, 627));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void OnlyTheTopicsOfTheMemberThatLeavesMove(int seed)
    {
        var random = new Random(seed);
        SimulatedNode[] nodes = [new(NewId(random)), new(NewId(random)), new(NewId(random))];
        Introduce(random, nodes, membersPerNode: [3, 3, 3]);
        string[] topics = [.. Enumerable.Range(0, 2_000).Select(i => $"t/{i}")];
        (int, uint)[] before = [.. topics.Select(t => nodes[0].Choose(nodes, t))];

        nodes[1].Leave(2);
        foreach (int other in (int[])[0, 2])
        {
            nodes[other].Router.RemoveMember(nodes[other].LinkTo(1), 2);
        }

        int moved = 0;
        for (int i = 0; i < topics.Length; i++)
        {
            (int, uint) after = nodes[0].Choose(nodes, topics[i]);
            Assert.Equal(after, nodes[1].Choose(nodes, topics[i]));
            if (before[i] == (1, 2u))
            {
                moved++;
                Assert.NotEqual((1, 2u), after);
            }
            else
            {
                Assert.Equal(before[i], after);
            }
        }

        Assert.InRange(moved, 100, 350);
    }

    [Fact]
    public void RoundRobinSharesARunInEqualParts()
    {
        Router router = Mesh.Router();
        RecordingTarget[] members = [.. Enumerable.Range(0, 4).Select(_ => new RecordingTarget())];
        foreach (RecordingTarget member in members)
        {
            router.Join(member, GroupFilter.Parse(Filter), GroupStrategy.RoundRobin);
        }

        RecordingTarget plain = router.Subscriber("t/#");
        string[] payloads = [.. Enumerable.Range(0, 100).Select(i => $"{i}")];
        PublishOutcome outcome = router.Publish(Runs.Of(router.Topic("t/a"), Runs.Body(payloads)));
        Assert.Equal(new PublishOutcome(2, 0), outcome);
        Assert.All(members, m => Assert.Equal(25, m.Deliveries.Sum(d => d.Count)));
        Assert.Equal(payloads, All(members).Order(new ByNumber()));
        Assert.Equal(payloads, All([plain]));
    }

    [Fact]
    public void LeastPendingGoesToTheMemberForWhichTheLeastWaits()
    {
        Router router = Mesh.Router();
        LoadedTarget[] members = [new(300), new(0), new(100)];
        foreach (LoadedTarget member in members)
        {
            router.Join(member, GroupFilter.Parse(Filter), GroupStrategy.LeastPending);
        }

        router.Publish("t/a", "1");
        router.Publish("t/a", "2");
        members[1].Pending = 200;
        router.Publish("t/a", "3");
        Assert.Equal([0, 2, 1], members.Select(m => m.Events));
    }

    [Fact]
    public void LocalFirstPrefersMembersOfThisNode()
    {
        Router router = Mesh.Router();
        var link = new RecordingLink();
        router.AddPeer(link);
        var random = new Random(1);
        router.AddMember(link, NewId(random), GroupFilter.Parse(Filter), 1, GroupStrategy.LocalFirst);
        router.Publish("t/1", "x");
        Assert.Equal(["t/1:1"], link.Log);

        var local = new RecordingTarget();
        router.Join(local, GroupFilter.Parse(Filter), GroupStrategy.Sticky);
        for (int i = 0; i < 50; i++)
        {
            router.Publish($"t/{i}", "x");
        }

        Assert.Equal(50, local.Deliveries.Count);
        router.Unsubscribe(local);
        router.Publish("t/1", "x");
        Assert.Equal(2, link.Log.Count);
    }

    [Fact]
    public void MembersBehindALinkThatIsAwayAreChosenOnlyWhereThereAreNoOthers()
    {
        Router router = Mesh.Router();
        var random = new Random(1);
        RecordingLink[] links = [new(), new()];
        foreach (RecordingLink link in links)
        {
            router.AddPeer(link);
            router.AddMember(link, NewId(random), GroupFilter.Parse(Filter), 1, GroupStrategy.Sticky);
        }

        router.SetAvailable(links[0], false);
        for (int i = 0; i < 50; i++)
        {
            router.Publish($"t/{i}", "x");
        }

        Assert.Equal((0, 50), (links[0].Log.Count, links[1].Log.Count));
        router.RemovePeer(links[1]);
        router.Publish("t/1", "x");
        Assert.Single(links[0].Log);
        router.AssertInvariants();
    }

    private static IEnumerable<string> All(IEnumerable<RecordingTarget> targets) =>
        targets.SelectMany(t => t.Deliveries).SelectMany(d => d.Texts.Split(','));

    private static NodeId NewId(Random random)
    {
        byte[] bytes = new byte[NodeId.Size];
        random.NextBytes(bytes);
        return new NodeId(bytes);
    }

    private static void Introduce(Random random, SimulatedNode[] nodes, int[] membersPerNode)
    {
        for (int i = 0; i < nodes.Length; i++)
        {
            nodes[i].Join(membersPerNode[i]);
        }

        for (int i = 0; i < nodes.Length; i++)
        {
            nodes[i].Connect(nodes, i);
            (int Node, uint Member)[] others =
            [
                .. from node in Enumerable.Range(0, nodes.Length)
                   where node != i
                   from member in Enumerable.Range(1, membersPerNode[node])
                   select (node, (uint)member),
            ];
            random.Shuffle(others);
            foreach ((int node, uint member) in others)
            {
                Assert.True(nodes[i].Router.AddMember(
                    nodes[i].LinkTo(node), nodes[node].Id, GroupFilter.Parse(Filter), member, GroupStrategy.Sticky));
            }
        }
    }

    private sealed class ByNumber : IComparer<string>
    {
        public int Compare(string? x, string? y) => int.Parse(x!, null).CompareTo(int.Parse(y!, null));
    }

    private sealed class SimulatedNode(NodeId id)
    {
        private readonly List<RecordingTarget> _members = [];
        private RecordingLink[] _links = [];

        public NodeId Id { get; } = id;

        public Router Router { get; } = Mesh.Router(new RouterOptions { NodeName = "n", NodeId = id });

        public RecordingLink LinkTo(int node) => _links[node];

        public void Join(int members)
        {
            for (int i = 0; i < members; i++)
            {
                _members.Add(new RecordingTarget());
                Router.Join(_members[i], GroupFilter.Parse(Filter), GroupStrategy.Sticky);
            }
        }

        public void Leave(uint member) => Router.Unsubscribe(_members[(int)member - 1]);

        public void Connect(SimulatedNode[] nodes, int self)
        {
            _links = [.. nodes.Select(_ => new RecordingLink())];
            for (int i = 0; i < nodes.Length; i++)
            {
                if (i != self)
                {
                    Router.AddPeer(_links[i]);
                }
            }
        }

        /// <summary>Who gets an event that is published here.</summary>
        public (int Node, uint Member) Choose(SimulatedNode[] nodes, string topic)
        {
            int self = Array.IndexOf(nodes, this);
            int[] had = [.. _members.Select(m => m.Deliveries.Count)];
            int[] sent = [.. _links.Select(l => l.Log.Count)];
            PublishOutcome outcome = Router.Publish(topic, "x");
            Assert.Equal(1, outcome.Local + outcome.Peers);
            for (int i = 0; i < had.Length; i++)
            {
                if (_members[i].Deliveries.Count > had[i])
                {
                    return (self, (uint)i + 1);
                }
            }

            int node = Enumerable.Range(0, sent.Length).Single(n => _links[n].Log.Count > sent[n]);
            return (node, uint.Parse(_links[node].Log[^1].Split(':')[1], null));
        }
    }

    private sealed class LoadedTarget(long pending) : DeliveryTarget
    {
        public long Pending { get; set; } = pending;

        public int Events { get; private set; }

        public override long PendingBytes => Pending;

        public override void Deliver(in EventRun run, ref RouteEntry entry) => Events += run.Count;

        public override void DeliverGap(in GapNotice gap)
        {
        }
    }
}
