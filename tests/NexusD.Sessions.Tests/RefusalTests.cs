using System.Text;
using NexusD.Protocol;
using NexusD.Protocol.App;

namespace NexusD.Sessions.Tests;

/// <summary>Every error that a client can cause: what it is told, and whether it may go on.</summary>
public sealed class RefusalTests
{
    private static readonly byte[] _badProperty = [PropertyId.TimeToLive, 2, 0, 1, 1];

    public static TheoryData<string, byte[], ErrorCode> Fatal => new()
    {
        { "hello twice", Frames.Hello(), ErrorCode.OutOfOrder },
        { "daemon's frame", Frames.Header(FrameKind.Deliver), ErrorCode.OutOfOrder },
        { "kind 0", Frames.Header(0), ErrorCode.Malformed },
        { "kind 0xF0", Frames.Header(0xF0), ErrorCode.Malformed },
        { "length 3", [3, 0, 0, 0, FrameKind.Ping, 0, 0, 0], ErrorCode.Malformed },
        { "frame too large", [0xFF, 0xFF, 0xFF, 0x7F, FrameKind.Publish, 0, 0, 0], ErrorCode.FrameTooLarge },
        { "short topic", Frames.Header(FrameKind.Topic), ErrorCode.Malformed },
        { "alias 0", Frames.Topic(0, "a"), ErrorCode.Malformed },
        { "alias above the limit", Frames.Topic(262_145, "a"), ErrorCode.Malformed },
        { "unknown alias", Frames.Publish(4, RunFlags.None, [1]), ErrorCode.UnknownAlias },
        { "huge alias", Frames.Publish(0xFFFF_FFFF, RunFlags.None, [1]), ErrorCode.UnknownAlias },
        { "short publish", Frames.Header(FrameKind.Publish), ErrorCode.Malformed },
        { "empty run", Frames.Publish("a", RunFlags.None), ErrorCode.Malformed },
        { "no topic", Frames.PublishWith(0, RunFlags.None, [], [1]), ErrorCode.Malformed },
        { "bad property", Frames.PublishWith(0, RunFlags.None, _badProperty, [1]), ErrorCode.Malformed },
        { "run too long", Frames.Publish("a", RunFlags.None, new byte[20_000], new byte[20_000]), ErrorCode.Malformed },
        { "sizes do not add up", Cut(Frames.Publish("a", RunFlags.None, new byte[100]), 30), ErrorCode.Malformed },
        { "short subscribe", Frames.Header(FrameKind.Subscribe), ErrorCode.Malformed },
        { "no filters", Frames.Subscribe(1), ErrorCode.Malformed },
        { "subscription 0", Frames.Subscribe(0, "a"), ErrorCode.Malformed },
        { "short unsubscribe", Frames.Header(FrameKind.Unsubscribe), ErrorCode.Malformed },
        { "short credit", Frames.Header(FrameKind.Credit), ErrorCode.Malformed },
        { "short ping", Frames.Header(FrameKind.Ping), ErrorCode.Malformed },
        { "short query", Frames.Header(FrameKind.Query), ErrorCode.Malformed },
        { "empty query", Frames.Query(1, ""), ErrorCode.Malformed },
    };

    [Theory]
    [MemberData(nameof(Fatal))]
    public void BrokenRule_EndsTheSessionWithReadableText_AndNoOtherOne(string name, byte[] frame, ErrorCode expected)
    {
        using var fixture = new SessionFixture();
        RawClient neighbour = fixture.Open();
        RawClient client = fixture.Open();
        client.Send(frame);
        (ErrorCode code, bool closes, _, string text) = client.NextError();
        Assert.Equal((name, expected, true), (name, code, closes));
        Assert.True(text.Length > 10, $"{name}: {text}");
        client.AssertEnded();
        Assert.Equal(1, fixture.Statistics.Refusals(expected));
        neighbour.AssertNothingCame();
    }

    [Fact]
    public void FrameBeforeHello_IsOutOfOrder()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Connect();
        client.Send(Frames.Greeting(), Frames.Ping(1));
        client.ReadGreeting();
        Assert.Equal(ErrorCode.OutOfOrder, client.NextError().Code);
        client.AssertEnded();
    }

    [Fact]
    public void BrokenHello_IsMalformed()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Connect();
        byte[] hello = Frames.Hello();
        hello[8 + 1]++; // the first property's length runs into the next
        client.Send(Frames.Greeting(), hello);
        client.ReadGreeting();
        Assert.Equal(ErrorCode.Malformed, client.NextError().Code);
        client.AssertEnded();
    }

    [Fact]
    public void UnknownKind_IsSkipped()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open();
        client.Send(Frames.Header(0x30), Frames.Header(0xEF), [6, 0, 0, 0, 0x7F, 1, 2, 3, 9, 9]);
        client.AssertNothingCame();
    }

    [Fact]
    public void SurplusBytes_AreIgnored()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open();
        byte[] ping = [.. Frames.Ping(5), 1, 2, 3];
        ping[0] += 3;
        client.Send(ping);
        client.NextFrame(FrameKind.Pong);
        client.AssertNothingCame();
    }

    [Theory]
    [InlineData(RunFlags.None)]
    [InlineData(RunFlags.Acknowledge)]
    public void RefusedPublish_IsNumberedAndTold_AndTheSessionGoesOn(RunFlags flags)
    {
        using var fixture = new SessionFixture(o => o with { MaxPayloadBytes = 100 });
        RawClient client = fixture.Open();
        client.Subscribe(1, "#");
        client.Send(Frames.Publish("a", flags, [1], new byte[101], [3])); // 1 to 3
        client.Send(Frames.Publish("$nexusd/a", flags, [4]));
        client.Send(Frames.Publish("a/*", flags, [5]));
        client.Send(Frames.Publish("a", RunFlags.None, [6]));

        AssertRefused(client, flags, ErrorCode.PayloadTooLarge, 1, 3);
        AssertRefused(client, flags, ErrorCode.BadTopic, 4, 1);
        AssertRefused(client, flags, ErrorCode.BadTopic, 5, 1);
        ReceivedEvent came = client.NextEvent();
        Assert.Equal((6ul, (byte)6), (came.Number, came.Payload[0]));
        Assert.Equal(1, fixture.Statistics.Refusals(ErrorCode.PayloadTooLarge));
        Assert.Equal(2, fixture.Statistics.Refusals(ErrorCode.BadTopic));
        Assert.Equal(1, fixture.Statistics.EventsIn);
    }

    [Fact]
    public void ReplyTopics_AreOpenToApplications_OtherSystemTopicsAreNot()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open();
        client.Subscribe(1, "$reply/7f/*");
        client.Subscribe(2, "#");
        client.Send(Frames.Publish("$reply/7f/1", RunFlags.None, [1]));
        ReceivedEvent came = client.NextEvent();
        Assert.Equal((1u, "$reply/7f/1"), (came.Subscription, came.Topic));

        client.Send(Frames.Topic(1, "$reply/7f/2"), Frames.Publish(1, RunFlags.None, [2]));
        Assert.Equal("$reply/7f/2", client.NextEvent().Topic);
        client.Send(Frames.Publish("$reply/", RunFlags.Acknowledge, [3]));
        AssertRefused(client, RunFlags.Acknowledge, ErrorCode.BadTopic, 3, 1);
        client.Send(Frames.Publish("$replyx/1", RunFlags.Acknowledge, [4]));
        AssertRefused(client, RunFlags.Acknowledge, ErrorCode.BadTopic, 4, 1);
        client.AssertNothingCame();
    }

    [Fact]
    public void AliasOfABadTopic_RefusesWhatIsPublishedWithIt_UntilDeclaredAnew()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open();
        client.Subscribe(1, "#");
        client.Send(Frames.Topic(1, "a/#"), Frames.Topic(2, "$sys"), Frames.Publish(1, RunFlags.Acknowledge, [1]));
        (ErrorCode code, bool closes, ulong reference, _) = client.NextError();
        Assert.Equal((ErrorCode.BadTopic, false, 1ul), (code, closes, reference));
        (code, closes, reference, _) = client.NextError();
        Assert.Equal((ErrorCode.BadTopic, false, 2ul), (code, closes, reference));
        AssertRefused(client, RunFlags.Acknowledge, ErrorCode.BadTopic, 1, 1);

        client.Send(Frames.Topic(1, "fine"), Frames.Publish(1, RunFlags.None, [2]));
        Assert.Equal("fine", client.NextEvent().Topic);
    }

    [Fact]
    public void RefusedSubscriptions_SayWhy_AndOpenNothing()
    {
        using var fixture = new SessionFixture(o => o with { MaxSubscriptions = 2 });
        RawClient client = fixture.Open();
        client.Subscribe(1, "a");
        AssertRefused(client, Frames.Subscribe(1, "b"), ErrorCode.SubscriptionInUse, 1);
        AssertRefused(client, Frames.Subscribe(2, "b", "c/#/d"), ErrorCode.BadFilter, 2);
        AssertRefused(client, Frames.Subscribe(2, "$share/g"), ErrorCode.BadFilter, 2);
        AssertRefused(client, Frames.Subscribe(2, "$share/g/a", "a"), ErrorCode.BadFilter, 2);
        AssertRefused(client, Frames.Subscribe(2, ""), ErrorCode.BadFilter, 2);
        AssertRefused(
            client, Frames.Subscribe(2, [.. Enumerable.Range(0, 1025).Select(n => $"f{n}")]), ErrorCode.OverLimit, 2);
        client.Subscribe(2, "c");
        AssertRefused(client, Frames.Subscribe(3, "d"), ErrorCode.TooManySubscriptions, 3);

        client.Send(Frames.Publish("b", RunFlags.None, [1]));
        client.Send(Frames.Publish("d", RunFlags.None, [1]));
        client.AssertNothingCame();
        Assert.Equal(2, fixture.Statistics.Subscriptions);
    }

    [Fact]
    public void UnknownSubscription_CannotBeClosed_AndItsCreditIsIgnored()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Open();
        client.Send(Frames.Credit(8, 100), Frames.Unsubscribe(8));
        UnsubscribedFrame.TryRead(client.NextFrame(FrameKind.Unsubscribed), out UnsubscribedFrame answer);
        Assert.Equal((ErrorCode.UnknownSubscription, 8u), (answer.Code, answer.Subscription));
        Assert.NotEmpty(Encoding.UTF8.GetString(answer.Text));
        client.AssertNothingCame();
    }

    [Fact]
    public void Query_IsAnsweredOrRefused()
    {
        using var fixture = new SessionFixture { Status = new byte[90_000] };
        RawClient client = fixture.Open(maxFrame: 80_000);
        RawClient roomy = fixture.Open();
        fixture.Status.AsSpan().Fill((byte)'x');
        roomy.Send(Frames.Query(3, "status"));
        ResultFrame.TryRead(roomy.NextFrame(FrameKind.Result), out ResultFrame result);
        Assert.Equal((ErrorCode.None, 3u), (result.Code, result.Request));
        Assert.True(result.Text.SequenceEqual(fixture.Status));

        client.Send(Frames.Query(4, "status"), Frames.Query(5, "weather"));
        ResultFrame.TryRead(client.NextFrame(FrameKind.Result), out result);
        Assert.Equal((ErrorCode.OverLimit, 4u), (result.Code, result.Request));
        ResultFrame.TryRead(client.NextFrame(FrameKind.Result), out result);
        Assert.Equal((ErrorCode.UnknownQuery, 5u), (result.Code, result.Request));
        client.AssertNothingCame();
    }

    private static void AssertRefused(RawClient client, RunFlags flags, ErrorCode expected, ulong number, uint count)
    {
        if (flags == RunFlags.Acknowledge)
        {
            AckFrame ack = client.NextAck();
            Assert.Equal((expected, number, count, 0u), (ack.Code, ack.Number, ack.Count, ack.Local));
            return;
        }

        (ErrorCode code, bool closes, ulong reference, string text) = client.NextError();
        Assert.Equal((expected, false, number), (code, closes, reference));
        Assert.NotEmpty(text);
    }

    private static void AssertRefused(RawClient client, byte[] subscribe, ErrorCode expected, uint subscription)
    {
        client.Send(subscribe);
        (ErrorCode code, uint id, string text) = client.NextSubscribed();
        Assert.Equal((expected, subscription), (code, id));
        Assert.NotEmpty(text);
    }

    /// <summary>Takes bytes off the end and sets the length to what is left.</summary>
    private static byte[] Cut(byte[] frame, int bytes)
    {
        byte[] cut = frame[..^bytes];
        BitConverter.TryWriteBytes(cut, cut.Length - 4);
        return cut;
    }
}
