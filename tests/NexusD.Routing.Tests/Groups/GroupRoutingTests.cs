using System.Buffers.Binary;
using NexusD.Protocol;
using NexusD.Protocol.Topics;
using NexusD.Routing.Tests.Support;
using Xunit;

namespace NexusD.Routing.Tests.Groups;

/// <summary>What travels where when groups and plain subscriptions match the same event.</summary>
public sealed class GroupRoutingTests
{
    private readonly Router _router = Mesh.Router();

    [Fact]
    public void APeerThatWantsAnEventPlainlyAndForTwoGroupsGetsItOnce()
    {
        RecordingLink link = Link("a/#");
        Member(link, "$share/g/a/*", 5);
        Member(link, "$share/h/#", 9);
        RecordingTarget local = _router.Subscriber("a/b");

        Assert.Equal(new PublishOutcome(1, 1), _router.Publish("a/b", "x"));
        Assert.Equal("a/b:5,9", string.Join(';', link.Log.Select(Sorted)));
        Assert.Single(local.Deliveries);
        _router.Publish("a/b/c", "x");
        Assert.Equal("a/b/c:9", link.Log[1]);
        _router.RemoveMember(link, 9);
        _router.Publish("a/b/c", "x");
        Assert.Equal("a/b/c", link.Log[2]);
        _router.AssertInvariants();
    }

    [Fact]
    public void MoreGroupsThanAFrameNamesTakeSeveralFrames()
    {
        RecordingLink link = Link();
        for (uint i = 1; i <= 130; i++)
        {
            Member(link, $"$share/g{i}/a", i);
        }

        _router.Publish("a", "x");
        Assert.Equal(3, link.Log.Count);
        Assert.Equal([false, true, true], link.Log.Select(l => l.EndsWith('!')));
        Assert.Equal(130, link.Log.SelectMany(l => l.TrimEnd('!').Split(':')[1].Split(',')).Distinct().Count());
    }

    [Fact]
    public void RetainGoesToEveryPeerAndToTheMemberOnce()
    {
        RecordingLink[] links = [Link(), Link("a"), Link()];
        Member(links[0], "$share/g/a", 3);
        Assert.Equal(3, _router.Publish("a", "x", RunFlags.Retain).Peers);
        Assert.Equal(["a:3", "a", "a"], links.Select(l => Assert.Single(l.Log)));
    }

    [Fact]
    public void ASubscriptionThatIsChosenTwiceGetsOneCopy()
    {
        var target = new RecordingTarget();
        _router.Join(target, GroupFilter.Parse("$share/g/a"), GroupStrategy.Sticky);
        _router.Join(target, GroupFilter.Parse("$share/g/#"), GroupStrategy.Sticky);
        Assert.Equal(new PublishOutcome(1, 0), _router.Publish("a", "x"));
        Assert.Single(target.Deliveries);
        Assert.Equal(2, Router.DescribeFilters(target).Count);
    }

    [Fact]
    public void WhatCameForAMemberReachesItAndPlainSubscriptionsOnly()
    {
        var member = new RecordingTarget();
        var other = new RecordingTarget();
        _router.Join(member, GroupFilter.Parse("$share/g/a"), GroupStrategy.Sticky);
        _router.Join(other, GroupFilter.Parse("$share/g/a"), GroupStrategy.Sticky);
        RecordingTarget plain = _router.Subscriber("a");

        _router.PublishFromPeer(Run(1), Ids(1), membersOnly: false, 0);
        _router.PublishFromPeer(Run(1), Ids(1), membersOnly: false, 0);
        Assert.Equal((1, 0, 1), (member.Deliveries.Count, other.Deliveries.Count, plain.Deliveries.Count));
        _router.PublishFromPeer(Run(1), Ids(2), membersOnly: true, 1);
        Assert.Equal((1, 1, 1), (member.Deliveries.Count, other.Deliveries.Count, plain.Deliveries.Count));
        _router.PublishFromPeer(Run(2));
        Assert.Equal((1, 1, 2), (member.Deliveries.Count, other.Deliveries.Count, plain.Deliveries.Count));
    }

    [Fact]
    public void WhatCameForAMemberThatLeftGoesToAnotherOrIsCounted()
    {
        var losses = new Losses();
        _router.LossListener = losses;
        var member = new RecordingTarget();
        _router.Join(member, GroupFilter.Parse("$share/g/a"), GroupStrategy.Sticky);
        _router.Unsubscribe(member);
        RecordingLink link = Link();
        Member(link, "$share/g/a", 7);

        _router.PublishFromPeer(Run(1), Ids(1), membersOnly: false, 0);
        Assert.Equal(["a:7!"], link.Log);
        Assert.Equal(1, link.Redirects);
        var next = new RecordingTarget();
        _router.RemoveMember(link, 7);
        _router.Join(next, GroupFilter.Parse("$share/g/a"), GroupStrategy.Sticky);
        _router.PublishFromPeer(Run(2), Ids(1), membersOnly: false, 0);
        Assert.Single(next.Deliveries);
        _router.Unsubscribe(next);
        _router.PublishFromPeer(Run(3), Ids(1), membersOnly: false, 0);
        _router.PublishFromPeer(Run(4), Ids(99), membersOnly: false, 0);
        Assert.Equal(2, _router.GetStatistics().NoMemberEvents);
        Assert.Equal(2, _router.GetStatistics().RedirectedEvents);
        Assert.Equal([(3UL, DropReason.NoMember), (4UL, DropReason.NoMember)], losses.Told);
    }

    [Fact]
    public void ARouteWithGroupsAllocatesNothingForARun()
    {
        RecordingLink link = Link();
        for (uint i = 1; i <= 5; i++)
        {
            Member(link, "$share/g/a", i);
        }

        var counting = new CountingTarget();
        _router.Join(counting, GroupFilter.Parse("$share/h/a"), GroupStrategy.RoundRobin);
        _router.RemovePeer(link);
        Topic topic = _router.Topic("a");
        byte[] body = Runs.Body("1", "2", "3", "4", "5", "6");
        long runs = 0;
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (int i = 0; i < 1_000; i++, runs++)
            {
                _router.Publish(Runs.Of(topic, body));
            }
        }));
        Assert.Equal(6 * runs, _router.GetStatistics().DeliveredLocalEvents);
    }

    [Fact]
    public void GroupsComeAndGoWithTheirMembers()
    {
        Topic topic = _router.Topic("a");
        Assert.Equal(default, _router.Publish("a", "x"));
        var member = new RecordingTarget();
        _router.Join(member, GroupFilter.Parse("$share/g/#"), GroupStrategy.Sticky);
        _router.Publish("a", "x");
        _router.Unsubscribe(member);
        _router.Publish("a", "x");
        Assert.Single(member.Deliveries);
        Assert.Equal(0, _router.GetStatistics().Groups);
        Assert.Equal("a", topic.Text);
        _router.AssertInvariants();
    }

    private static string Sorted(string log)
    {
        string[] parts = log.Split(':');
        return $"{parts[0]}:{string.Join(',', parts[1].Split(',').Order())}";
    }

    private static byte[] Ids(params uint[] members)
    {
        byte[] list = new byte[members.Length * sizeof(uint)];
        for (int i = 0; i < members.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(list.AsSpan(i * sizeof(uint)), members[i]);
        }

        return list;
    }

    private EventRun Run(ulong number) => Runs.Of(_router.Topic("a"), Runs.Body("x"), publisher: 50, number: number);

    private RecordingLink Link(params string[] filters)
    {
        var link = new RecordingLink();
        _router.AddPeer(link);
        foreach (string filter in filters)
        {
            _router.AddInterest(link, Mesh.Filter(filter));
        }

        return link;
    }

    private void Member(RecordingLink link, string filter, uint member) =>
        Assert.True(_router.AddMember(link, default, GroupFilter.Parse(filter), member, GroupStrategy.Sticky));

    private sealed class Losses : ILossListener
    {
        public List<(ulong Number, DropReason Reason)> Told { get; } = [];

        public void OnLost(ulong publisher, ulong number, int count, DropReason reason) => Told.Add((number, reason));
    }
}
