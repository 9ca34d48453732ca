using NexusD.Protocol;

namespace NexusD.Sessions.Tests;

/// <summary>Numbers for topics in both directions.</summary>
public sealed class AliasTests
{
    [Theory]
    [InlineData(1u)]
    [InlineData(3u)]
    [InlineData(7u)]
    public void MoreTopicsThanAliases_AreDeclaredAnew_AndNeverMixedUp(uint maxAliases)
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open(maxAliases: maxAliases);
        client.Subscribe(1, "#");
        for (int n = 0; n < 500; n++)
        {
            client.Send(Frames.Publish($"t/{n * n % 11}", RunFlags.None, [(byte)(n * n % 11)]));
        }

        foreach (ReceivedEvent came in client.NextEvents(500))
        {
            Assert.Equal($"t/{came.Payload[0]}", came.Topic);
        }

        Assert.InRange(client.HighestAlias, 1u, maxAliases);
    }

    [Fact]
    public void ClientWithoutAliases_GetsTopicsAsText()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open(maxAliases: 0);
        client.Subscribe(1, "#");
        client.Send(Frames.Publish("a", RunFlags.None, [1]), Frames.Publish("b", RunFlags.Retain, [2]));
        Assert.Equal(["a", "b"], client.NextEvents(2).Select(e => e.Topic));
        Assert.Equal(0, client.DeclaredTopics);
    }

    [Fact]
    public void KnownTopic_IsDeclaredOnce()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open();
        client.Subscribe(1, "#");
        for (int n = 0; n < 100; n++)
        {
            client.Send(Frames.Publish($"t/{n % 10}", RunFlags.None, [1]));
        }

        client.NextEvents(100);
        client.AssertNothingCame();
        Assert.Equal(10, client.DeclaredTopics);
    }

    [Fact]
    public void QueuedEvents_KeepTheirTopics_WhateverHappensToAliases()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open(maxAliases: 3);
        client.Send(Frames.Subscribe(1, 1, 0, 0, noRetained: false, "#"));
        client.NextSubscribed();
        client.Subscribe(2, "t/#");
        for (int n = 0; n < 300; n++)
        {
            int topic = n % 3 == 0 ? 0 : n % 7;
            client.Send(Frames.Publish($"t/{topic}", RunFlags.None, [(byte)topic]));
        }

        List<ReceivedEvent> came = client.NextEvents(301);
        client.AssertNothingCame();
        client.Send(Frames.Credit(1, 10_000_000));
        came.AddRange(client.NextEvents(299));
        Assert.All(came, e => Assert.Equal($"t/{e.Payload[0]}", e.Topic));
        Assert.Equal(300, came.Count(e => e.Subscription == 1));
    }

    [Fact]
    public void ClientMayDeclareAnAliasAnew_UpToTheLimit()
    {
        using var fixture = new SessionFixture(o => o with { MaxAliases = 1000 });
        RawClient client = fixture.Open();
        client.Subscribe(1, "#");
        client.Send(
            Frames.Topic(1000, "a"), Frames.Publish(1000, RunFlags.None, [1]),
            Frames.Topic(1000, "b"), Frames.Publish(1000, RunFlags.None, [2]),
            Frames.Topic(1, "c"), Frames.Publish(1, RunFlags.None, [3]), Frames.Publish(1000, RunFlags.None, [4]));
        Assert.Equal(["a", "b", "c", "b"], client.NextEvents(4).Select(e => e.Topic));
        client.Send(Frames.Topic(1001, "a"));
        Assert.Equal(ErrorCode.Malformed, client.NextError().Code);
    }

    [Fact]
    public void MoreTopicsThanTheRouterKnows_AreStillDelivered()
    {
        using var fixture = new SessionFixture(routerOptions: new() { MaxTopics = 16, NodeName = "node-a" });
        RawClient client = fixture.Open(maxAliases: 8);
        client.Subscribe(1, "#");
        for (uint alias = 1; alias <= 60; alias++)
        {
            client.Send(Frames.Topic(alias, $"t/{alias}"));
        }

        for (int round = 0; round < 3; round++)
        {
            for (uint alias = 1; alias <= 60; alias++)
            {
                client.Send(Frames.Publish(alias, RunFlags.None, [(byte)alias]));
                Assert.Equal($"t/{alias}", client.NextEvent().Topic);
            }
        }
    }
}
