namespace NexusD.Protocol;

/// <summary>
/// Limits of the wire, with their units in the name. Operating limits (queues, sessions, time-outs) belong to the
/// daemon's options. Source: docs/protocol/README.md and the limits sections of app-v1.md, peer-v1.md and beacon.md.
/// </summary>
public static class ProtocolLimits
{
    /// <summary>The one version of the app protocol and of the peer protocol.</summary>
    public const byte Version = 1;

    /// <summary>Longest topic name or filter in bytes of UTF-8.</summary>
    public const int MaxTopicBytes = 1024;

    /// <summary>Most levels of a topic name or filter.</summary>
    public const int MaxTopicLevels = 64;

    /// <summary>Default longest payload of one event in bytes (4 MiB).</summary>
    public const int DefaultMaxPayloadBytes = 4_194_304;

    /// <summary>Longest payload that a daemon can be told to take, in bytes (64 MiB).</summary>
    public const int LargestPayloadBytes = 67_108_864;

    /// <summary>
    /// What a frame may be longer than the payload limit: header, properties, sizes, and room to grow.
    /// </summary>
    public const int FrameOverheadBytes = 65_792;

    /// <summary>Default longest frame in bytes, its length field included.</summary>
    public const int DefaultMaxFrameBytes = DefaultMaxPayloadBytes + FrameOverheadBytes;

    /// <summary>Longest frame for the longest payload in bytes, its length field included.</summary>
    public const int LargestFrameBytes = LargestPayloadBytes + FrameOverheadBytes;

    /// <summary>Least frame limit that a receiver may announce, in bytes.</summary>
    public const int MinMaxFrameBytes = 65_536;

    /// <summary>Longest PUBLISH with more than one event, in bytes, its length field included.</summary>
    public const int MaxRunFrameBytes = 32_768;

    /// <summary>
    /// Longest DELIVER or FORWARD with more than one event: <see cref="MaxRunFrameBytes"/> and what the header can grow
    /// by on its way (28 bytes of fixed part and 1,027 of topic property), rounded up.
    /// </summary>
    public const int MaxGrownRunFrameBytes = 34_816;

    /// <summary>Most bytes of event properties, the topic property not counted.</summary>
    public const int MaxEventPropertyBytes = 16_384;

    /// <summary>Longest content type or correlation id, and longest header key, in bytes.</summary>
    public const int MaxShortTextBytes = 255;

    /// <summary>Most header properties of a run.</summary>
    public const int MaxEventHeaders = 64;

    /// <summary>Highest number that a client may start from (next number of HELLO).</summary>
    public const ulong MaxFirstNumber = 1UL << 62;

    /// <summary>Highest number of the first event of a run: sums with a count cannot overflow.</summary>
    public const ulong MaxNumber = long.MaxValue;

    /// <summary>The highest topic alias of a direction where the receiver does not say.</summary>
    public const int DefaultMaxAliases = 65_536;

    /// <summary>The highest topic alias that the daemon and our clients announce.</summary>
    public const int LargestMaxAliases = 262_144;

    /// <summary>Most filters in one SUBSCRIBE.</summary>
    public const int MaxFiltersPerSubscription = 1024;

    /// <summary>Most publishers and classes in the resume property of one SUBSCRIBE.</summary>
    public const int MaxResumeEntries = 1024;

    /// <summary>Size of the token that names a kept subscription, in bytes.</summary>
    public const int KeepTokenBytes = 16;

    /// <summary>
    /// Most credit at a time for a subscription that is kept: what the daemon holds until it is confirmed.
    /// </summary>
    public const int MaxKeptCreditBytes = 16 * 1024 * 1024;

    /// <summary>Longest client name in bytes.</summary>
    public const int MaxClientNameBytes = 128;

    /// <summary>Longest client library text in bytes.</summary>
    public const int MaxClientLibraryBytes = 64;

    /// <summary>Longest token in bytes.</summary>
    public const int MaxTokenBytes = 1024;

    /// <summary>Longest node name, cluster name or daemon version in bytes.</summary>
    public const int MaxNameBytes = 64;

    /// <summary>Longest text of ERROR, GOAWAY, SUBSCRIBED, UNSUBSCRIBED and PAUSED in bytes.</summary>
    public const int MaxErrorTextBytes = 1024;

    /// <summary>Longest text of a QUERY in bytes.</summary>
    public const int MaxQueryBytes = 1_088;

    /// <summary>Longest INTEREST frame in bytes, its length field included.</summary>
    public const int MaxInterestFrameBytes = 65_536;

    /// <summary>Most lanes that a sender opens on a link.</summary>
    public const int MaxLanes = 12;

    /// <summary>Longest beacon datagram in bytes.</summary>
    public const int MaxBeaconBytes = 512;

    /// <summary>Size of a beacon's authenticator in bytes (HMAC-SHA-256).</summary>
    public const int AuthenticatorBytes = 32;

    /// <summary>The sum of a subscription's credit is capped at this many bytes.</summary>
    public const long MaxCreditBytes = 1L << 40;
}
