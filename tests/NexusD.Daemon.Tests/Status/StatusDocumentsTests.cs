using System.Text.Json;
using NexusD.Buffers;
using NexusD.Daemon.Status;
using NexusD.Daemon.Tests.Http;
using NexusD.Peering;
using NexusD.Routing;

namespace NexusD.Daemon.Tests.Status;

public sealed class StatusDocumentsTests
{
    [Fact]
    public void Status_shows_node_sessions_events_mesh_and_discovery()
    {
        NodeSnapshot node = SampleNode.Make(
            "test", SampleNode.Link("b", LinkState.Up), SampleNode.Link("a", LinkState.Suspect));
        JsonElement status = Parse(StatusDocuments.Status(node, null));

        Assert.Equal("n1", status.GetProperty("node").GetProperty("name").GetString());
        Assert.Equal("000102030405060708090a0b0c0d0e0f", status.GetProperty("node").GetProperty("id").GetString());
        Assert.True(status.GetProperty("ready").GetBoolean());
        Assert.False(status.TryGetProperty("not_ready_because", out _));
        Assert.Equal(7, status.GetProperty("events").GetProperty("published").GetInt64());
        Assert.Equal(JsonValueKind.Object, status.GetProperty("sessions").GetProperty("refused").ValueKind);
        JsonElement drop = Assert.Single(status.GetProperty("events").GetProperty("dropped").EnumerateArray());
        Assert.Equal("duplicate", drop.GetProperty("reason").GetString());
        Assert.Equal(11, status.GetProperty("queues").GetProperty("depth_max").GetInt32());
        Assert.Equal(1, status.GetProperty("mesh").GetProperty("up").GetInt32());
        Assert.Equal(1, status.GetProperty("mesh").GetProperty("suspect").GetInt32());
        JsonElement beacons = status.GetProperty("discovery").GetProperty("beacons");
        Assert.Equal(2, beacons.GetProperty("nodes_in_sight").GetInt32());
    }

    [Fact]
    public void Peers_lists_links_by_name_and_then_addresses_without_one()
    {
        MeshSnapshot mesh = SampleNode.Make(
            "test",
            SampleNode.Link("b", LinkState.Up),
            SampleNode.Link("a", LinkState.Suspect),
            SampleNode.Link("old", LinkState.Retiring),
            SampleNode.Link("", LinkState.Connecting, dialed: true),
            SampleNode.Link("", LinkState.Connecting, dialed: false)).Mesh;
        JsonElement[] peers = [.. Parse(StatusDocuments.Peers(mesh)).EnumerateArray()];

        Assert.Equal(["connecting", "suspect", "up", "down"], peers.Select(p => p.GetProperty("state").GetString()));
        Assert.Equal(["", "a", "b", ""], peers.Select(p => p.GetProperty("name").GetString()));
        Assert.Equal("10.0.0.2:5671", peers[2].GetProperty("address").GetString());
        Assert.Equal(250, peers[2].GetProperty("rtt_us").GetInt64());
        Assert.Equal(4, peers[2].GetProperty("interest").GetInt32());
        Assert.Equal("ngtcp2", peers[2].GetProperty("engine").GetString());
        Assert.Equal("no answer", peers[3].GetProperty("last_failure").GetString());
        Assert.Equal(1.25, peers[3].GetProperty("next_try_seconds").GetDouble());
    }

    [Fact]
    public void Clients_shows_identity_and_drops_by_reason()
    {
        JsonElement client = Parse(StatusDocuments.Clients([SampleNode.Client(7, 5)]))[0];
        Assert.Equal(7, client.GetProperty("id").GetInt64());
        Assert.Equal("app-7", client.GetProperty("name").GetString());
        Assert.Equal("18446744073709551615", client.GetProperty("publisher").GetString());
        Assert.Equal("127.0.0.1:40000", client.GetProperty("address").GetString());
        Assert.Equal(4, client.GetProperty("dropped").GetProperty("queue_full").GetInt64());
        Assert.Equal(1, client.GetProperty("subscriptions").GetInt32());
        JsonElement subscription = client.GetProperty("subscription_list")[0];
        Assert.Equal("a/#", subscription.GetProperty("filter").GetString());
        Assert.Equal("block", subscription.GetProperty("overflow").GetString());
        Assert.Equal(
            subscription.GetProperty("matched").GetInt64(),
            subscription.GetProperty("delivered").GetInt64() + subscription.GetProperty("queued").GetInt64()
                + subscription.GetProperty("dropped").EnumerateObject().Sum(d => d.Value.GetInt64()));
    }

    [Fact]
    public void A_list_that_is_too_long_is_cut_and_says_so()
    {
        var many = Enumerable.Range(1, StatusDocuments.MaxEntries + 1).Select(i => SampleNode.Client(i, 0)).ToList();
        JsonElement[] entries = [.. Parse(StatusDocuments.Clients(many)).EnumerateArray()];
        Assert.Equal(StatusDocuments.MaxEntries + 1, entries.Length);
        Assert.True(entries[^1].GetProperty("truncated").GetBoolean());
        many.RemoveAt(0);
        entries = [.. Parse(StatusDocuments.Clients(many)).EnumerateArray()];
        Assert.False(entries[^1].TryGetProperty("truncated", out _));
    }

    [Fact]
    public void Topics_are_listed_by_name()
    {
        var router = new Router(new RouterOptions(), new SlabPool());
        int before = Parse(StatusDocuments.Topics(router)).GetArrayLength();
        router.Intern("b/c"u8);
        router.Intern("a"u8);
        JsonElement[] topics = [.. Parse(StatusDocuments.Topics(router)).EnumerateArray()];
        Assert.Equal(before + 2, topics.Length);
        string[] names = [.. topics.Select(t => t.GetProperty("topic").GetString()!)];
        Assert.Equal(names.Order(StringComparer.Ordinal), names);
        JsonElement a = topics.Single(t => t.GetProperty("topic").GetString() == "a");
        Assert.Equal(0, a.GetProperty("subscriptions").GetInt32());
        Assert.False(a.GetProperty("retained").GetBoolean());
    }

    private static JsonElement Parse(ReadOnlyMemory<byte> json) => JsonDocument.Parse(json).RootElement;
}
