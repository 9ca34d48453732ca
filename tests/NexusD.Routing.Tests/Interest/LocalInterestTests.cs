using NexusD.Protocol;
using NexusD.Protocol.Topics;
using NexusD.Routing.Interest;
using NexusD.Routing.Tests.Support;
using Xunit;

namespace NexusD.Routing.Tests.Interest;

public sealed class LocalInterestTests
{
    private readonly Router _router = Mesh.Router();

    [Fact]
    public void ListenersHearOfTheFirstAndTheLastSubscriptionOnly()
    {
        var listener = new Listener();
        _router.LocalInterest.Listener = listener;
        RecordingTarget first = _router.Subscriber("a/+", "b");
        RecordingTarget second = _router.Subscriber("a/*", "c/**");
        _router.Unsubscribe(first, Mesh.Filter("a/*"));
        _router.Unsubscribe(second);
        _router.Unsubscribe(first);

        Assert.Equal(["+a/*", "+b", "+c/#"], listener.Told.Take(3));
        Assert.Equal(["-a/*", "-c/#"], listener.Told.Skip(3).Take(2).Order());
        Assert.Equal("-b", listener.Told[5]);
        Assert.Equal(6, listener.Told.Count);
    }

    [Fact]
    public void TheDigestIsTheXorOfTheHashesOfTheCanonicalFilters()
    {
        _router.Subscriber("a/+");
        _router.Subscriber("a/*", "x/**");

        Assert.Equal(Fnv1a64.Hash("a/*"u8) ^ Fnv1a64.Hash("x/#"u8), _router.LocalInterest.Digest);
        Assert.Equal(["a/*", "x/#"], _router.LocalInterest.List().Select(f => f.ToString()).Order());
        Assert.Equal(2, _router.LocalInterest.Count);
    }

    [Fact]
    public void MembersOfGroupsAreToldOneByOne()
    {
        var listener = new Listener();
        _router.LocalInterest.Listener = listener;
        GroupFilter group = GroupFilter.Parse("$share/g/a/+");
        var first = new RecordingTarget();
        var second = new RecordingTarget();
        Assert.True(_router.Join(first, group, GroupStrategy.Sticky));
        Assert.False(_router.Join(first, group, GroupStrategy.Sticky));
        Assert.True(_router.Join(second, group, GroupStrategy.RoundRobin));

        Assert.Equal(["+$share/g/a/* 1 Sticky", "+$share/g/a/* 2 RoundRobin"], listener.Told);
        Assert.Equal(2, _router.LocalInterest.Count);
        Assert.Equal(
            group.MemberHash(1, GroupStrategy.Sticky) ^ group.MemberHash(2, GroupStrategy.RoundRobin),
            _router.LocalInterest.Digest);
        _router.Unsubscribe(first);
        _router.Unsubscribe(second);
        Assert.Equal(["-$share/g/a/* 1 Sticky", "-$share/g/a/* 2 RoundRobin"], listener.Told.Skip(2));
        Assert.Equal((0, 0UL), (_router.LocalInterest.Count, _router.LocalInterest.Digest));
    }

    [Fact]
    public void WhatPeersWantIsNoLocalInterest()
    {
        _router.Peer("a/#");
        Assert.Equal((0, 0UL), (_router.LocalInterest.Count, _router.LocalInterest.Digest));
    }

    private sealed class Listener : ILocalInterestListener
    {
        public List<string> Told { get; } = [];

        public void OnFilterAdded(TopicFilter filter) => Told.Add($"+{filter}");

        public void OnFilterRemoved(TopicFilter filter) => Told.Add($"-{filter}");

        public void OnMember(in LocalMember member, bool joined) =>
            Told.Add($"{(joined ? '+' : '-')}{member.Filter} {member.Member} {member.Strategy}");
    }
}
