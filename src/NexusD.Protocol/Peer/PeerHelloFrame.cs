namespace NexusD.Protocol.Peer;

/// <summary>
/// HELLO (0x81): who the node is. First frame of each side of a link's control stream.
/// <code>
///  0       4    5     6     8
/// +-------+----+-----+-----+----------------
/// | length|0x81| 0   | 0   | properties ...
/// | u32   | u8 | u8  | u16 | to the end
/// +-------+----+-----+-----+----------------
/// </code>
/// Limits: node id, node name and cluster must stand; the rest has the defaults of the table. Source:
/// docs/protocol/peer-v1.md "HELLO". Writers write all properties, by ascending id.
/// </summary>
public ref struct PeerHelloFrame
{
    public PeerHelloFrame()
    {
    }

    public NodeId NodeId { get; set; }

    /// <summary>UTF-8, 1 to 64 bytes.</summary>
    public ReadOnlySpan<byte> NodeName { get; set; }

    /// <summary>UTF-8, 1 to 64 bytes.</summary>
    public ReadOnlySpan<byte> Cluster { get; set; }

    /// <summary>UTF-8, at most 64 bytes.</summary>
    public ReadOnlySpan<byte> DaemonVersion { get; set; }

    /// <summary>UDP port where the node listens; 0: it does not tell.</summary>
    public ushort MeshPort { get; set; }

    /// <summary>The sender's hybrid clock.</summary>
    public ulong Timestamp { get; set; }

    /// <summary>Aliases that the sender can hold for each lane that it receives; 0: none.</summary>
    public uint MaxAliases { get; set; } = ProtocolLimits.DefaultMaxAliases;

    /// <summary>Longest frame that the sender takes, in bytes, at least 65,536.</summary>
    public uint MaxFrame { get; set; } = ProtocolLimits.DefaultMaxFrameBytes;

    /// <summary>Longest payload that the sender takes, in bytes.</summary>
    public uint MaxPayload { get; set; } = ProtocolLimits.DefaultMaxPayloadBytes;

    public readonly int FrameBytes =>
        FrameHeader.Size
        + (3 * PropertyWriter.Size(sizeof(uint)))
        + PropertyWriter.Size(NodeId.Size)
        + PropertyWriter.Size(NodeName.Length)
        + PropertyWriter.Size(Cluster.Length)
        + PropertyWriter.Size(DaemonVersion.Length)
        + PropertyWriter.Size(sizeof(ushort))
        + PropertyWriter.Size(sizeof(ulong));

    public static ErrorCode TryRead(ReadOnlySpan<byte> frame, out PeerHelloFrame hello)
    {
        hello = new PeerHelloFrame();
        if (frame.Length < FrameHeader.Size)
        {
            return ErrorCode.Malformed;
        }

        PropertyReader reader = new(frame[FrameHeader.Size..]);
        while (reader.TryRead(out byte id, out ReadOnlySpan<byte> value))
        {
            if (!hello.TrySetIdentity(id, value) || !hello.TrySetNumber(id, value))
            {
                return ErrorCode.Malformed;
            }
        }

        bool good = !reader.Malformed && !hello.NodeId.IsEmpty && !hello.NodeName.IsEmpty && !hello.Cluster.IsEmpty;
        return good ? ErrorCode.None : ErrorCode.Malformed;
    }

    public readonly int Write(Span<byte> destination)
    {
        int size = FrameBytes;
        FrameHeader.Write(destination, size, PeerFrameKind.Hello);
        PropertyWriter writer = new(destination[FrameHeader.Size..]);
        writer.Write(PropertyId.MaxAliases, MaxAliases);
        writer.Write(PropertyId.MaxFrame, MaxFrame);
        writer.Write(PropertyId.MaxPayload, MaxPayload);
        writer.Write(PropertyId.NodeId, NodeId);
        writer.Write(PropertyId.NodeName, NodeName);
        writer.Write(PropertyId.Cluster, Cluster);
        writer.Write(PropertyId.DaemonVersion, DaemonVersion);
        writer.Write(PropertyId.MeshPort, MeshPort);
        writer.Write(PropertyId.Timestamp, Timestamp);
        return size;
    }

    private bool TrySetIdentity(byte id, ReadOnlySpan<byte> value)
    {
        switch (id)
        {
            case PropertyId.NodeId:
                bool good = PropertyValue.TryRead(value, out NodeId node);
                NodeId = node;
                return good;
            case PropertyId.NodeName:
                NodeName = value;
                return WireText.IsValid(value, 1, ProtocolLimits.MaxNameBytes);
            case PropertyId.Cluster:
                Cluster = value;
                return WireText.IsValid(value, 1, ProtocolLimits.MaxNameBytes);
            case PropertyId.DaemonVersion:
                DaemonVersion = value;
                return WireText.IsValid(value, 0, ProtocolLimits.MaxNameBytes);
            default:
                return true;
        }
    }

    private bool TrySetNumber(byte id, ReadOnlySpan<byte> value)
    {
        bool good = true;
        uint number = 0;
        switch (id)
        {
            case PropertyId.MeshPort:
                good = PropertyValue.TryRead(value, out ushort port);
                MeshPort = port;
                break;
            case PropertyId.Timestamp:
                good = PropertyValue.TryRead(value, out ulong timestamp);
                Timestamp = timestamp;
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
        }

        return good;
    }
}
