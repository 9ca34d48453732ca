using NexusD.Protocol;
using NexusD.Protocol.App;
using NexusD.Protocol.Greetings;

namespace NexusD.Sessions.Tests;

/// <summary>The first bytes of a connection: ours, other protocols', none.</summary>
public sealed class GreetingTests
{
    public static TheoryData<string, byte[], string> Strangers => new()
    {
        { "AMQP", [.. "AMQP"u8, 0, 0, 9, 1], "AMQP" },
        { "GET", "GET /status HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), "HTTP/1.1 400" },
        { "POST", "POST / HTTP/1.1\r\n\r\n"u8.ToArray(), "HTTP/1.1 400" },
        { "HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray(), "HTTP/1.1 400" },
        { "TLS", [0x16, 0x03, 0x01, 0x02, 0x00, 0x01], "TLS" },
        { "MQTT", [0x10, 0x0C, 0, 4, .. "MQTT"u8, 4, 2, 0, 60], "MQTT" },
        { "garbage", [0xFF, 0xFE, 0xFD], "app port of nexusd" },
        { "half ours", "NXD2\x01\x01\0\0"u8.ToArray(), "app port of nexusd" },
    };

    [Theory]
    [MemberData(nameof(Strangers))]
    public void Stranger_IsToldWhereItIs_AndClosed(string name, byte[] bytes, string expected)
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Connect();
        client.Send(bytes);
        string answer = client.ReadTextToEnd();
        Assert.True(answer.Contains(expected, StringComparison.Ordinal), $"{name}: {answer}");
        Assert.Equal(1, fixture.Statistics.Refusals(ErrorCode.BadGreeting));
    }

    [Fact]
    public void OtherVersion_IsRefusedWithAnError()
    {
        using var fixture = new SessionFixture();
        RawClient client = fixture.Connect();
        client.Send(Frames.Greeting(2, 9));
        byte[] greeting = [.. "NXD1"u8, 0, 0, 0, 0];
        Assert.Equal(greeting, client.ReadBytes(DaemonGreeting.Size));
        (ErrorCode code, bool closes, _, string text) = client.NextError();
        Assert.Equal((ErrorCode.UnsupportedVersion, true), (code, closes));
        Assert.Contains("2 to 9", text, StringComparison.Ordinal);
        client.AssertEnded();
    }

    [Fact]
    public void Welcome_TellsTheNodeAndItsLimits()
    {
        using var fixture = new SessionFixture(options => options with
        {
            MaxPayloadBytes = 1000,
            MaxAliases = 17,
            MaxSubscriptions = 5,
            IdleTimeout = TimeSpan.FromSeconds(90),
        });
        RawClient client = fixture.Connect();
        client.Send(Frames.Greeting(1, 200), Frames.Hello(publisher: 99, nextNumber: 7));
        client.ReadGreeting();
        byte[] frame = client.NextFrame(FrameKind.Welcome);
        Assert.Equal(ErrorCode.None, WelcomeFrame.TryRead(frame, out WelcomeFrame welcome));
        Assert.Equal(new NodeId("0123456789abcdef"u8), welcome.NodeId);
        Assert.Equal("node-a"u8.ToArray(), welcome.NodeName.ToArray());
        Assert.Equal("test"u8.ToArray(), welcome.Cluster.ToArray());
        Assert.Equal("0.1.0"u8.ToArray(), welcome.DaemonVersion.ToArray());
        Assert.Equal((99ul, 7ul), (welcome.PublisherId, welcome.NextNumber));
        Assert.Equal((1000u, 66_792u, 17u), (welcome.MaxPayload, welcome.MaxFrame, welcome.MaxAliases));
        Assert.Equal((5u, 90_000u), (welcome.MaxSubscriptions, welcome.IdleTimeoutMs));
    }

    [Fact]
    public void PublisherId_IsChosenAndUnique()
    {
        using var fixture = new SessionFixture();
        RawClient chosen = fixture.Open();
        RawClient first = fixture.Open(publisher: 5);
        RawClient second = fixture.Open(publisher: 5, nextNumber: 20);
        Assert.NotEqual(0ul, chosen.PublisherId);
        Assert.Equal(5ul, first.PublisherId);
        Assert.NotEqual(5ul, second.PublisherId);
        Assert.Equal(20ul, second.NextNumber);

        first.Dispose();
        fixture.Await(() => fixture.Statistics.Sessions == 2);
        Assert.Equal(5ul, fixture.Open(publisher: 5).PublisherId);
    }

    [Fact]
    public void SilentConnection_IsClosedAfterTheHandshakeTimeout()
    {
        using var fixture = new SessionFixture(o => o with { HandshakeTimeout = TimeSpan.FromMilliseconds(100) });
        RawClient mute = fixture.Connect();
        RawClient half = fixture.Connect();
        half.Send(Frames.Greeting());
        half.ReadGreeting();
        RawClient whole = fixture.Open();

        mute.AssertEnded();
        Assert.Equal(ErrorCode.Idle, half.NextError().Code);
        half.AssertEnded();
        whole.AssertNothingCame();
        Assert.Equal(2, fixture.Statistics.Refusals(ErrorCode.Idle));
    }

    [Fact]
    public void SilentSession_IsEndedAfterTheIdleTimeout()
    {
        using var fixture = new SessionFixture(o => o with { IdleTimeout = TimeSpan.FromMilliseconds(200) });
        RawClient idle = fixture.Open();
        (ErrorCode code, bool closes, _, _) = idle.NextError();
        Assert.Equal((ErrorCode.Idle, true), (code, closes));
        idle.AssertEnded();
    }

    [Fact]
    public void ConnectionAboveTheLimit_IsToldSo()
    {
        using var fixture = new SessionFixture(o => o with { MaxSessions = 2 });
        RawClient first = fixture.Open();
        fixture.Open();
        RawClient third = fixture.Connect();
        third.Send(Frames.Greeting(), Frames.Hello());
        third.ReadGreeting();
        (ErrorCode code, bool closes, _, _) = third.NextError();
        Assert.Equal((ErrorCode.TooManySessions, true), (code, closes));
        third.AssertEnded();

        first.Dispose();
        fixture.Await(() => fixture.Statistics.Sessions == 1);
        fixture.Open().AssertNothingCame();
        Assert.Equal(1, fixture.Statistics.Refusals(ErrorCode.TooManySessions));
    }
}
