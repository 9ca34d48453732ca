namespace NexusD.Protocol;

/// <summary>Kinds of the peer protocol's frames (docs/protocol/peer-v1.md "Frames"). Numbers are frozen.</summary>
public static class PeerFrameKind
{
    public const byte Topic = FrameKind.Topic;
    public const byte Ping = FrameKind.Ping;
    public const byte Pong = FrameKind.Pong;
    public const byte Gap = FrameKind.Gap;
    public const byte Error = FrameKind.Error;
    public const byte GoAway = FrameKind.GoAway;
    public const byte Hello = 0x81;
    public const byte Interest = 0x82;
    public const byte InterestState = 0x83;
    public const byte InterestRequest = 0x84;
    public const byte RetainedState = 0x85;
    public const byte RetainedRequest = 0x86;
    public const byte Retained = 0x87;
    public const byte RetainedEnd = 0x88;
    public const byte Forward = 0x8A;
    public const byte LaneAck = 0x8B;
    public const byte LaneResume = 0x8C;
    public const byte RetainedDigests = 0x8D;
}
