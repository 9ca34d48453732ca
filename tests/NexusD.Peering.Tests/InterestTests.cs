using System.Diagnostics;
using System.Text;
using NexusD.Peering.Tests.Simulation;
using NexusD.Protocol;
using NexusD.Protocol.Peer;
using NexusD.Protocol.Topics;

namespace NexusD.Peering.Tests;

/// <summary>Interest: told as changes, repaired by digest, bounded.</summary>
public sealed class InterestTests
{
    [Fact]
    public void Changes_are_told_once_however_many_share_a_filter()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        using var raw = new RawPeer(world, node);
        raw.Handshake();
        Assert.Single(raw.ControlFrames(PeerFrameKind.Interest));
        RecordingTarget first = node.Subscribe("a/*", "b");
        RecordingTarget second = node.Subscribe("a/+");
        world.RunFor(10);
        Assert.Equal(["+a/*", "+b"], Entries(raw)[1].Order());
        node.Router.Unsubscribe(first, TopicFilter.Parse("a/*"));
        world.RunFor(10);
        Assert.Equal(2, Entries(raw).Count);
        node.Router.Unsubscribe(second);
        node.Router.Unsubscribe(first);
        world.RunFor(10);
        Assert.Equal(["-a/*", "-b"], Entries(raw)[2].Order());
        Assert.Equal([1UL, 2UL, 3UL], Versions(raw));
    }

    [Fact]
    public void The_state_follows_when_changes_have_settled_and_every_five_seconds()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        using var raw = new RawPeer(world, node);
        raw.Handshake();
        Assert.Single(raw.ControlFrames(PeerFrameKind.InterestState));
        node.Subscribe("a/*", "b");
        world.RunFor(400);
        List<byte[]> states = raw.ControlFrames(PeerFrameKind.InterestState);
        Assert.Equal(2, states.Count);
        Assert.Equal(ErrorCode.None, InterestStateFrame.TryRead(states[1], out InterestStateFrame state));
        Assert.Equal(2UL, state.Version);
        Assert.Equal(2U, state.Count);
        Assert.Equal(TopicFilter.Parse("a/*").Hash ^ TopicFilter.Parse("b").Hash, state.Digest);
        Ping(raw, world, 6_000);
        Assert.Equal(3, raw.ControlFrames(PeerFrameKind.InterestState).Count);
    }

    [Fact]
    public void A_withdrawn_filter_stops_forwarding_and_a_lost_link_does_not()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        RecordingTarget wants = b.Subscribe("a/*", "b");
        a.Knows(b);
        world.RunUntil(() => a.Router.GetStatistics().PeerInterests == 2, "interest is known");
        b.Router.Unsubscribe(wants, TopicFilter.Parse("a/*"));
        world.RunUntil(() => a.Router.GetStatistics().PeerInterests == 1, "one was withdrawn");
        Assert.Equal(0, a.Publish("a/x", "1").Peers);
        world.Network.Cut(a.Address, b.Address);
        world.RunUntil(() => a.Up.Count == 0, "the link is down", 3_500);
        Assert.Equal(1, a.Router.GetStatistics().PeerInterests);
        Assert.Equal(1, a.Publish("b", "held").Peers);
        Assert.Equal(0, a.Publish("a/x", "2").Peers);
        world.Network.Heal(a.Address, b.Address);
        world.RunUntil(() => wants.Events.Count > 0, "what was held has come");
        Assert.Equal(["held"], wants.Payloads);
    }

    [Fact]
    public void A_missed_frame_is_repaired_without_a_moment_of_deafness()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        using var raw = new RawPeer(world, node);
        raw.Handshake();
        raw.Send(raw.Control, RawPeer.Interest(1, true, (InterestChange.Add, "a"), (InterestChange.Add, "b")));
        raw.Send(raw.Control, RawPeer.InterestState(1, Hash("a") ^ Hash("b"), 2));
        Assert.Empty(raw.ControlFrames(PeerFrameKind.InterestRequest));
        raw.Send(raw.Control, RawPeer.Interest(3, false, (InterestChange.Add, "d"))); // 2 is missing
        Assert.Single(raw.ControlFrames(PeerFrameKind.InterestRequest));
        Assert.Equal(1, node.Publish("a", "still wanted").Peers);
        raw.Send(raw.Control, RawPeer.Interest(9, true, (InterestChange.Add, "a")));
        Assert.Equal(1, node.Publish("b", "perhaps still wanted").Peers);
        raw.Send(raw.Control, RawPeer.Interest(10, false, (InterestChange.Add, "c")));
        raw.Send(raw.Control, RawPeer.InterestState(10, Hash("a") ^ Hash("c"), 2));
        Assert.Equal(0, node.Publish("b", "not wanted").Peers);
        Assert.Equal(1, node.Publish("a", "x").Peers);
        Assert.Equal(1, node.Publish("c", "x").Peers);
        Assert.Single(raw.ControlFrames(PeerFrameKind.InterestRequest));
        Assert.Equal(2, node.Router.GetStatistics().PeerInterests);
        Assert.Equal(1, node.Snapshot.Counters.InterestRepairs);
    }

    [Theory]
    [InlineData("added twice")]
    [InlineData("removed though not there")]
    [InlineData("other digest")]
    [InlineData("other count")]
    [InlineData("other version")]
    public void Each_mismatch_asks_again_once(string what)
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        using var raw = new RawPeer(world, node);
        raw.Handshake();
        raw.Send(raw.Control, RawPeer.Interest(1, true, (InterestChange.Add, "a")));
        byte[] bad = what switch
        {
            "added twice" => RawPeer.Interest(2, false, (InterestChange.Add, "a")),
            "removed though not there" => RawPeer.Interest(2, false, (InterestChange.Remove, "b")),
            "other digest" => RawPeer.InterestState(1, 5, 1),
            "other count" => RawPeer.InterestState(1, Hash("a"), 2),
            _ => RawPeer.InterestState(2, Hash("a"), 1),
        };
        raw.Send(raw.Control, bad);
        raw.Send(raw.Control, bad);
        Assert.Single(raw.ControlFrames(PeerFrameKind.InterestRequest));
        Assert.Null(raw.Closed);
    }

    [Fact]
    public void Requests_are_folded_so_that_they_cannot_be_used_to_amplify()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1);
        node.Subscribe([.. Enumerable.Range(0, 1_000).Select(i => $"some/filter/{i}")]);
        using var raw = new RawPeer(world, node);
        raw.Handshake();
        for (int i = 0; i < 200; i++)
        {
            raw.Send(raw.Control, RawPeer.Empty(PeerFrameKind.InterestRequest));
        }

        world.RunFor(500);
        int snapshots = raw.ControlFrames(PeerFrameKind.Interest).Count(f => (f[5] & 1) != 0);
        Assert.InRange(snapshots, 2, 7); // 400 ms of requests at one per 200 ms
    }

    [Fact]
    public void A_hundred_thousand_filters_are_told_quickly_and_exactly()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        a.Knows(b);
        world.RunUntil(() => a.Up.Count == 1 && b.Up.Count == 1, "linked");
        world.Network.PieceBytes = 65_536;
        var watch = Stopwatch.StartNew();
        string[] filters = [.. Enumerable.Range(0, 100_000).Select(i => $"plant/{i % 100}/sensor-{i}/#")];
        RecordingTarget wants = b.Subscribe(filters);
        world.RunUntil(() => a.Router.GetStatistics().PeerInterests == 100_000, "all are known", 1_000);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"it took {watch.Elapsed}");
        world.RunFor(6_000);
        Assert.Equal(0, a.Snapshot.Counters.InterestRepairs);
        Assert.Equal(1, a.Publish("plant/7/sensor-7/temperature", "x").Peers);
        b.Router.Unsubscribe(wants);
        world.RunUntil(() => a.Router.GetStatistics().PeerInterests == 0, "all were withdrawn", 1_000);
    }

    [Fact]
    public void A_peer_with_too_many_filters_gets_everything_until_it_starts_anew()
    {
        var world = new VirtualWorld();
        using var node = new TestNode(world, 1, o => new MeshOptions
        {
            Bind = o.Bind, NodeName = o.NodeName, Cluster = o.Cluster, Log = o.Log, MaxFiltersPerPeer = 3,
        });
        using var raw = new RawPeer(world, node);
        raw.Handshake();
        raw.Send(raw.Control, RawPeer.Interest(1, true, (InterestChange.Add, "a"), (InterestChange.Add, "b")));
        raw.Send(raw.Control, RawPeer.Interest(2, false, (InterestChange.Add, "c"), (InterestChange.Add, "d")));
        Assert.Equal(1, node.Publish("not/named", "x").Peers);
        Assert.Equal(-1, Assert.Single(node.Up).InterestCount);
        Assert.Contains(node.Log.Lines, l => l.StartsWith("warning", StringComparison.Ordinal));
        raw.Send(raw.Control, RawPeer.Interest(3, false, (InterestChange.Add, "e")));
        raw.Send(raw.Control, RawPeer.InterestState(3, 1, 5));
        Assert.Empty(raw.ControlFrames(PeerFrameKind.InterestRequest));
        raw.Send(raw.Control, RawPeer.Interest(4, true, (InterestChange.Add, "a")));
        Assert.Equal(0, node.Publish("not/named", "x").Peers);
        Assert.Equal(1, node.Publish("a", "x").Peers);
    }

    [Fact]
    public void A_peer_that_does_not_read_gets_a_snapshot_instead_of_endless_changes()
    {
        var world = new VirtualWorld();
        using var a = new TestNode(world, 1);
        using var b = new TestNode(world, 2);
        a.Knows(b);
        world.RunUntil(() => a.Up.Count == 1 && b.Up.Count == 1, "linked");
        world.RunFor(100);
        FakeConnection toA = b.Endpoint.Own.Single(c => !c.IsOver);
        toA.HoldsAcks = true;
        for (int i = 0; i < 60; i++)
        {
            string prefix = new string('x', 900) + $"/{i}";
            RecordingTarget many = b.Subscribe([.. Enumerable.Range(0, 500).Select(n => $"{prefix}/{n}")]);
            b.Router.Unsubscribe(many);
            world.Settle();
        }

        RecordingTarget last = b.Subscribe("the/last/one");
        world.RunFor(100);
        Assert.InRange(toA.UnacknowledgedBytes, 1_000_000, 18_000_000);
        toA.HoldsAcks = false;
        world.RunUntil(() => a.Router.GetStatistics().PeerInterests == 1, "the peer knows what is wanted now");
        world.RunUntil(() => a.Publish("the/last/one", "x").Peers == 1, "and forwards it");
        Assert.Equal(0, a.Snapshot.Counters.InterestRepairs);
        Assert.NotNull(last);
    }

    private static ulong Hash(string filter) => TopicFilter.Parse(filter).Hash;

    // The raw peer never answers pings; anything that it sends keeps the link alive.
    private static void Ping(RawPeer raw, VirtualWorld world, int milliseconds)
    {
        for (int i = 0; i < milliseconds / 500; i++)
        {
            raw.Send(raw.Control, [4, 0, 0, 0, 0x99, 0, 0, 0]);
            world.RunFor(498);
        }
    }

    private static List<List<string>> Entries(RawPeer raw)
    {
        var all = new List<List<string>>();
        foreach (byte[] bytes in raw.ControlFrames(PeerFrameKind.Interest))
        {
            Assert.Equal(ErrorCode.None, InterestFrame.TryRead(bytes, out InterestFrame frame));
            var entries = new List<string>();
            var reader = new InterestReader(frame.Entries);
            while (reader.TryRead(out InterestChange change, out ReadOnlySpan<byte> filter, out _, out _))
            {
                entries.Add((change == InterestChange.Add ? "+" : "-") + Encoding.UTF8.GetString(filter));
            }

            all.Add(entries);
        }

        return all;
    }

    private static List<ulong> Versions(RawPeer raw)
    {
        var versions = new List<ulong>();
        foreach (byte[] bytes in raw.ControlFrames(PeerFrameKind.Interest))
        {
            Assert.Equal(ErrorCode.None, InterestFrame.TryRead(bytes, out InterestFrame frame));
            versions.Add(frame.Version);
        }

        return versions;
    }
}
