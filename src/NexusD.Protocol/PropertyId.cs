namespace NexusD.Protocol;

/// <summary>
/// Ids of properties. Frames share one space of ids, beacons have one of their own from 0x40 on. Numbers are frozen.
/// </summary>
public static class PropertyId
{
    // Event properties: docs/protocol/README.md "Event run".
    public const byte Topic = 0x01;
    public const byte ContentType = 0x02;
    public const byte CorrelationId = 0x03;
    public const byte Header = 0x04;
    public const byte TimeToLive = 0x05;
    public const byte Priority = 0x06;
    public const byte ReplyTopic = 0x07;

    // HELLO and WELCOME: docs/protocol/app-v1.md.
    public const byte ClientName = 0x10;
    public const byte ClientLibrary = 0x11;
    public const byte PublisherId = 0x12;
    public const byte NextNumber = 0x13;
    public const byte MaxAliases = 0x14;
    public const byte MaxFrame = 0x15;
    public const byte Token = 0x16;
    public const byte MaxPayload = 0x17;
    public const byte MaxSubscriptions = 0x18;
    public const byte IdleTimeout = 0x19;

    // About a node: docs/protocol/app-v1.md, peer-v1.md, beacon.md.
    public const byte NodeId = 0x20;
    public const byte NodeName = 0x21;
    public const byte Cluster = 0x22;
    public const byte DaemonVersion = 0x23;
    public const byte MeshPort = 0x30;
    public const byte Timestamp = 0x31;

    // SUBSCRIBE: docs/protocol/app-v1.md.
    public const byte Overflow = 0x40;
    public const byte BlockTimeout = 0x41;
    public const byte GroupStrategy = 0x42;
    public const byte Resume = 0x43;

    // SUBSCRIBE and SUBSCRIBED: docs/protocol/app-v1.md "Keeping".
    public const byte Keep = 0x44;
    public const byte KeepToken = 0x45;
    public const byte Position = 0x46;
    public const byte TakenOver = 0x47;

    // Beacons: docs/protocol/beacon.md.
    public const byte Authenticator = 0x40;
}
