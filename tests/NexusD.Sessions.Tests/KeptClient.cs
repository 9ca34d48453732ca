using System.Text;
using NexusD.Protocol;
using NexusD.Protocol.App;

namespace NexusD.Sessions.Tests;

/// <summary>What a client keeps of its subscription 1, to go on with it in another connection.</summary>
internal sealed class KeptClient
{
    private readonly SessionFixture _fixture;
    private readonly string[] _filters;

    public KeptClient(SessionFixture fixture, params string[] filters)
    {
        _fixture = fixture;
        _filters = filters;
        Raw = fixture.Open();
    }

    public RawClient Raw { get; private set; }

    public byte[] Token { get; private set; } = [];

    public uint KeepMs { get; private set; }

    public StreamPosition Position { get; private set; }

    public bool TakenOver { get; private set; }

    /// <summary>Opens the subscription, or goes on with it where there is a token.</summary>
    public KeptClient Subscribe(
        uint keepMs = 60_000,
        uint credit = 1 << 20,
        uint queueEvents = 0,
        StreamPosition? position = null,
        byte[]? resume = null,
        OverflowPolicy? overflow = null)
    {
        Raw.Send(Frames.Subscribe(new SubscribeFrame
        {
            Subscription = 1,
            Credit = credit,
            QueueEvents = queueEvents,
            Overflow = overflow,
            KeepMs = keepMs,
            KeepToken = Token,
            Position = position,
            Resume = resume,
        }, _filters));
        byte[] frame = Raw.NextFrame(FrameKind.Subscribed);
        Assert.Equal(ErrorCode.None, SubscribedFrame.TryRead(frame, out SubscribedFrame answer));
        Assert.Equal((ErrorCode.None, ""), (answer.Code, Encoding.UTF8.GetString(answer.Text)));
        Token = answer.KeepToken.ToArray();
        KeepMs = answer.KeepMs!.Value;
        Position = answer.Position ?? default;
        TakenOver = answer.TakenOver;
        return this;
    }

    /// <summary>The connection breaks; the daemon has noticed.</summary>
    public void Break()
    {
        long before = _fixture.Statistics.Sessions;
        Raw.Dispose();
        _fixture.Await(() => _fixture.Statistics.Sessions == before - 1);
    }

    public void Reconnect() => Raw = _fixture.Open();

    /// <summary>So many runs of one event each; counts them.</summary>
    public List<ReceivedEvent> Next(int runs)
    {
        Position = Position with { Runs = Position.Runs + (ulong)runs };
        return Raw.NextEvents(runs);
    }

    public (ulong From, ulong To, ulong Count, DropReason Reason) NextGap()
    {
        var gap = Raw.NextGap();
        Position = Position with { Gaps = Position.Gaps + 1 };
        return (gap.From, gap.To, gap.Count, gap.Reason);
    }

    /// <summary>The answer to PAUSE.</summary>
    public ErrorCode NextPaused()
    {
        Assert.Equal(ErrorCode.None, PausedFrame.TryRead(Raw.NextFrame(FrameKind.Paused), out PausedFrame answer));
        return answer.Code;
    }

    /// <summary>The code with which the daemon ends the subscription.</summary>
    public ErrorCode NextUnsubscribed()
    {
        byte[] frame = Raw.NextFrame(FrameKind.Unsubscribed);
        Assert.Equal(ErrorCode.None, UnsubscribedFrame.TryRead(frame, out UnsubscribedFrame answer));
        return answer.Code;
    }
}
