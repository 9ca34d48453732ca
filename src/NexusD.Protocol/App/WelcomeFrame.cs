namespace NexusD.Protocol.App;

/// <summary>
/// WELCOME (0x41): answers HELLO. Sent by the daemon.
/// <code>
///  0       4    5     6     8
/// +-------+----+-----+-----+----------------
/// | length|0x41| 0   | 0   | properties ...
/// | u32   | u8 | u8  | u16 | to the end
/// +-------+----+-----+-----+----------------
/// </code>
/// Limits: node id, publisher id and next number must stand; the rest has the defaults of the table. Source:
/// docs/protocol/app-v1.md "HELLO, WELCOME". The daemon writes all properties, by ascending id.
/// </summary>
public ref struct WelcomeFrame
{
    public WelcomeFrame()
    {
    }

    public NodeId NodeId { get; set; }

    /// <summary>UTF-8, at most 64 bytes.</summary>
    public ReadOnlySpan<byte> NodeName { get; set; }

    /// <summary>UTF-8, at most 64 bytes.</summary>
    public ReadOnlySpan<byte> Cluster { get; set; }

    /// <summary>UTF-8, at most 64 bytes.</summary>
    public ReadOnlySpan<byte> DaemonVersion { get; set; }

    /// <summary>The publisher id in force, not 0.</summary>
    public ulong PublisherId { get; set; }

    /// <summary>Number of the first event on this connection, 1 to 2^62.</summary>
    public ulong NextNumber { get; set; }

    /// <summary>Aliases that the client may declare.</summary>
    public uint MaxAliases { get; set; } = ProtocolLimits.DefaultMaxAliases;

    /// <summary>Longest frame that the daemon takes, in bytes.</summary>
    public uint MaxFrame { get; set; } = ProtocolLimits.DefaultMaxFrameBytes;

    /// <summary>Longest payload that the daemon takes, in bytes.</summary>
    public uint MaxPayload { get; set; } = ProtocolLimits.DefaultMaxPayloadBytes;

    /// <summary>Subscriptions open at once in one session.</summary>
    public uint MaxSubscriptions { get; set; } = 1_000_000;

    /// <summary>Milliseconds of silence of the client after which the daemon ends the session; 0: never.</summary>
    public uint IdleTimeoutMs { get; set; }

    public readonly int FrameBytes =>
        FrameHeader.Size
        + PropertyWriter.Size(NodeId.Size)
        + PropertyWriter.Size(NodeName.Length)
        + PropertyWriter.Size(Cluster.Length)
        + PropertyWriter.Size(DaemonVersion.Length)
        + (2 * PropertyWriter.Size(sizeof(ulong)))
        + (5 * PropertyWriter.Size(sizeof(uint)));

    public static ErrorCode TryRead(ReadOnlySpan<byte> frame, out WelcomeFrame welcome)
    {
        welcome = new WelcomeFrame();
        if (frame.Length < FrameHeader.Size)
        {
            return ErrorCode.Malformed;
        }

        PropertyReader reader = new(frame[FrameHeader.Size..]);
        while (reader.TryRead(out byte id, out ReadOnlySpan<byte> value))
        {
            if (!welcome.TrySetNumber(id, value) || !welcome.TrySetText(id, value))
            {
                return ErrorCode.Malformed;
            }
        }

        bool good = !reader.Malformed && !welcome.NodeId.IsEmpty && welcome.PublisherId != 0 && welcome.NextNumber != 0;
        return good ? ErrorCode.None : ErrorCode.Malformed;
    }

    public readonly int Write(Span<byte> destination)
    {
        int size = FrameBytes;
        FrameHeader.Write(destination, size, FrameKind.Welcome);
        PropertyWriter writer = new(destination[FrameHeader.Size..]);
        writer.Write(PropertyId.PublisherId, PublisherId);
        writer.Write(PropertyId.NextNumber, NextNumber);
        writer.Write(PropertyId.MaxAliases, MaxAliases);
        writer.Write(PropertyId.MaxFrame, MaxFrame);
        writer.Write(PropertyId.MaxPayload, MaxPayload);
        writer.Write(PropertyId.MaxSubscriptions, MaxSubscriptions);
        writer.Write(PropertyId.IdleTimeout, IdleTimeoutMs);
        writer.Write(PropertyId.NodeId, NodeId);
        writer.Write(PropertyId.NodeName, NodeName);
        writer.Write(PropertyId.Cluster, Cluster);
        writer.Write(PropertyId.DaemonVersion, DaemonVersion);
        return size;
    }

    private bool TrySetText(byte id, ReadOnlySpan<byte> value)
    {
        switch (id)
        {
            case PropertyId.NodeName:
                NodeName = value;
                break;
            case PropertyId.Cluster:
                Cluster = value;
                break;
            case PropertyId.DaemonVersion:
                DaemonVersion = value;
                break;
            default:
                return true;
        }

        return WireText.IsValid(value, 0, ProtocolLimits.MaxNameBytes);
    }

    private bool TrySetNumber(byte id, ReadOnlySpan<byte> value)
    {
        bool good = true;
        ulong wide = 0;
        uint number = 0;
        switch (id)
        {
            case PropertyId.NodeId:
                good = PropertyValue.TryRead(value, out NodeId node);
                NodeId = node;
                break;
            case PropertyId.PublisherId:
                good = PropertyValue.TryRead(value, out wide) && wide != 0;
                PublisherId = wide;
                break;
            case PropertyId.NextNumber:
                good = PropertyValue.TryRead(value, out wide) && wide is >= 1 and <= ProtocolLimits.MaxFirstNumber;
                NextNumber = wide;
                break;
            case PropertyId.MaxAliases:
                good = PropertyValue.TryRead(value, out number);
                MaxAliases = number;
                break;
            case PropertyId.MaxFrame:
                good = PropertyValue.TryRead(value, out number) && number >= ProtocolLimits.MinMaxFrameBytes;
                MaxFrame = number;
                break;
            case PropertyId.MaxPayload:
                good = PropertyValue.TryRead(value, out number);
                MaxPayload = number;
                break;
            case PropertyId.MaxSubscriptions:
                good = PropertyValue.TryRead(value, out number);
                MaxSubscriptions = number;
                break;
            case PropertyId.IdleTimeout:
                good = PropertyValue.TryRead(value, out number);
                IdleTimeoutMs = number;
                break;
        }

        return good;
    }
}
