namespace NexusD.Protocol;

/// <summary>Kinds of the app protocol's frames (docs/protocol/app-v1.md "Frames"). Numbers are frozen.</summary>
public static class FrameKind
{
    public const byte Hello = 0x01;
    public const byte Topic = 0x02;
    public const byte Publish = 0x03;
    public const byte Subscribe = 0x04;
    public const byte Unsubscribe = 0x05;
    public const byte Credit = 0x06;
    public const byte Ping = 0x07;
    public const byte Pong = 0x08;
    public const byte Query = 0x09;
    public const byte Bye = 0x0A;
    public const byte Pause = 0x0B;
    public const byte Welcome = 0x41;
    public const byte Subscribed = 0x42;
    public const byte Deliver = 0x43;
    public const byte Ack = 0x44;
    public const byte Gap = 0x45;
    public const byte Result = 0x46;
    public const byte Error = 0x47;
    public const byte GoAway = 0x48;
    public const byte Unsubscribed = 0x49;
    public const byte Notice = 0x4A;
    public const byte Paused = 0x4B;

    /// <summary>False for 0x00 and 0xF0-0xFF, which are never assigned: the stream lost step.</summary>
    public static bool IsAssignable(byte kind) => (byte)(kind - 1) < 0xEF;
}
