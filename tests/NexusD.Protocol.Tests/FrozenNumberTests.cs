using System.Reflection;
using NexusD.Protocol.Beacon;
using NexusD.Protocol.Peer;
using NexusD.Protocol.Topics;

namespace NexusD.Protocol.Tests;

/// <summary>
/// Numbers that are on the wire, or that others have written down. A change here breaks every peer of another version:
/// add numbers, never change one.
/// </summary>
public sealed class FrozenNumberTests
{
    [Fact]
    public void ErrorCodes() => Assert.Equal(
        "none=0 bad_greeting=1 malformed=2 frame_too_large=3 payload_too_large=4 unknown_alias=5 bad_topic=6 "
        + "bad_filter=7 unsupported_version=8 out_of_order=9 too_many_subscriptions=10 subscription_in_use=11 "
        + "unknown_subscription=12 too_many_sessions=13 "
        + "unauthenticated=14 forbidden=15 wrong_cluster=16 duplicate_link=17 self_link=18 "
        + "shutting_down=19 idle=20 unknown_query=21 over_limit=22 internal=23 out_of_memory=24 "
        + "keep_over=26 taken_over=27",
        string.Join(' ', Enum.GetValues<ErrorCode>().Select(code => $"{code.ToWireName()}={(ushort)code}")));

    [Fact]
    public void ErrorsThatEndTheConnection() => Assert.Equal(
        "1 2 3 5 8 9 13 14 16 17 18 19 20 23",
        string.Join(
            ' ', Enum.GetValues<ErrorCode>().Where(code => code.EndsConnection()).Select(code => (ushort)code)));

    [Fact]
    public void DropReasons()
    {
        Assert.Equal(
            "none=0 queue_full=1 link_full=2 expired=3 link_lost=4 too_large=5 duplicate=6 "
            + "block_timeout=7 conflated=8 memory=9 no_member=10 session_closed=11 link_down=12 missed=13",
            string.Join(' ', Enum.GetValues<DropReason>().Select(reason => $"{reason.ToWireName()}={(ushort)reason}")));
        Assert.Equal(DropReasonNames.Count, Enum.GetValues<DropReason>().Length);
    }

    [Fact]
    public void FrameKinds() => Assert.Equal(
        "Hello=1 Topic=2 Publish=3 Subscribe=4 Unsubscribe=5 Credit=6 Ping=7 Pong=8 Query=9 Bye=A Pause=B "
        + "Welcome=41 "
        + "Subscribed=42 Deliver=43 Ack=44 Gap=45 Result=46 Error=47 GoAway=48 Unsubscribed=49 Notice=4A "
        + "Paused=4B",
        Constants(typeof(FrameKind)));

    [Fact]
    public void PeerFrameKinds() => Assert.Equal(
        "Topic=2 Ping=7 Pong=8 Gap=45 Error=47 GoAway=48 Hello=81 Interest=82 InterestState=83 InterestRequest=84 "
        + "RetainedState=85 RetainedRequest=86 Retained=87 RetainedEnd=88 Forward=8A "
        + "LaneAck=8B LaneResume=8C RetainedDigests=8D",
        Constants(typeof(PeerFrameKind)));

    [Fact]
    public void PropertyIds() => Assert.Equal(
        "Topic=1 ContentType=2 CorrelationId=3 Header=4 TimeToLive=5 Priority=6 ReplyTopic=7 ClientName=10 "
        + "ClientLibrary=11 PublisherId=12 NextNumber=13 MaxAliases=14 MaxFrame=15 Token=16 "
        + "MaxPayload=17 MaxSubscriptions=18 IdleTimeout=19 NodeId=20 NodeName=21 Cluster=22 "
        + "DaemonVersion=23 MeshPort=30 Timestamp=31 Overflow=40 BlockTimeout=41 GroupStrategy=42 Resume=43 "
        + "Keep=44 KeepToken=45 Position=46 TakenOver=47 "
        + "Authenticator=40",
        Constants(typeof(PropertyId)));

    [Fact]
    public void SmallEnums()
    {
        Assert.Equal("Normal=0 High=1 Low=2", Members<Priority>());
        Assert.Equal("None=0 Retain=1 Acknowledge=2 Retained=4 Replayed=8", Members<RunFlags>());
        Assert.Equal("DropOldest=0 DropNewest=1 Block=2 Conflate=3", Members<OverflowPolicy>());
        Assert.Equal("Announce=1 Probe=2 Leave=3", Members<BeaconKind>());
        Assert.Equal("Add=1 Remove=2 Join=3 Leave=4", Members<InterestChange>());
        Assert.Equal("Literal=0 Single=1 Multi=2", Members<FilterLevelKind>());
        Assert.Equal((ushort)ErrorCode.Malformed, (ushort)FrameStatus.Malformed);
        Assert.Equal((ushort)ErrorCode.FrameTooLarge, (ushort)FrameStatus.TooLarge);
    }

    [Fact]
    public void NamesOfLaterVersionsAreNumbers()
    {
        Assert.Equal("error_999", ((ErrorCode)999).ToWireName());
        Assert.Equal("reason_99", ((DropReason)99).ToWireName());
        Assert.False(((ErrorCode)999).EndsConnection());
    }

    private static string Members<T>()
        where T : struct, Enum =>
        string.Join(' ', Enum.GetValues<T>().Select(value => $"{value}={Convert.ToInt32(value, null)}"));

    private static string Constants(Type type) =>
        string.Join(' ', type.GetFields(BindingFlags.Public | BindingFlags.Static)
            .Where(field => field.IsLiteral).Select(field => $"{field.Name}={field.GetRawConstantValue():X}"));
}
