using NexusD.Protocol;

namespace NexusD.Sessions.Tests;

/// <summary>A client that comes back before the end of its former connection was read keeps its publisher id.</summary>
public sealed class PublisherWaitTests : IDisposable
{
    private readonly SessionFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void TheIdIsWaitedFor_AndEverythingOfTheFormerConnectionComesFirst()
    {
        RawClient subscriber = _fixture.Open();
        subscriber.Subscribe(1, "t");
        RawClient former = _fixture.Open(publisher: 3);
        RawClient later = ComeBack(nextNumber: 3, Frames.Publish("t", RunFlags.Acknowledge, [3]));
        former.Send(Frames.Publish("t", RunFlags.None, [1], [2]));
        former.Dispose();
        later.ReadWelcome();
        Assert.Equal((3ul, 3ul), (later.PublisherId, later.NextNumber));
        Assert.Equal(ErrorCode.None, later.NextAck().Code);
        Assert.Equal([(3ul, 1ul), (3ul, 2ul), (3ul, 3ul)],
            subscriber.NextEvents(3).Select(e => (e.Publisher, e.Number)));
        Assert.Equal(0, _fixture.Run(() => _fixture.Listener.SessionsAwaitingPublisher));
    }

    [Fact]
    public void AnIdThatStaysInUse_IsReplacedAfterAWhile()
    {
        RawClient former = _fixture.Open(publisher: 3);
        RawClient later = ComeBack(nextNumber: 1);
        RawClient third = _fixture.Open(publisher: 3);
        Assert.NotEqual(3ul, third.PublisherId);
        later.ReadWelcome();
        Assert.NotEqual(3ul, later.PublisherId);
        Assert.NotEqual(third.PublisherId, later.PublisherId);
        former.Send(Frames.Publish("t", RunFlags.Acknowledge, [1]));
        Assert.Equal(ErrorCode.None, former.NextAck().Code);
    }

    [Fact]
    public void WhoGoesWhileItWaits_IsForgotten()
    {
        RawClient former = _fixture.Open(publisher: 3);
        ComeBack(nextNumber: 1).Dispose();
        _fixture.Await(() => _fixture.Statistics.Sessions == 1);
        Assert.Equal(0, _fixture.Run(() => _fixture.Listener.SessionsAwaitingPublisher));
        RawClient later = ComeBack(nextNumber: 1);
        former.Dispose();
        later.ReadWelcome();
        Assert.Equal(3ul, later.PublisherId);
    }

    private RawClient ComeBack(ulong nextNumber, params byte[][] frames)
    {
        RawClient later = _fixture.Connect();
        later.Send([.. Frames.Greeting(), .. Frames.Hello(publisher: 3, nextNumber: nextNumber),
            .. frames.SelectMany(f => f)]);
        later.ReadGreeting();
        _fixture.Await(() => _fixture.Listener.SessionsAwaitingPublisher == 1);
        return later;
    }
}
