using System.Runtime.InteropServices;

namespace NexusD.Protocol.Beacon;

/// <summary>
/// A UDP datagram by which nodes find each other. Sent by every node to the group, and in answer to a probe.
/// <code>
///  0                 4         5      6       8         24           28
/// +-----------------+---------+------+-------+---------+------------+----------------
/// | 'N' 'X' 'B' '1' | version | kind | port  | node id | generation | properties ...
/// |                 | u8 = 1  | u8   | u16   | 16 bytes| u32        |
/// +-----------------+---------+------+-------+---------+------------+----------------
/// </code>
/// Limits: at most 512 bytes; cluster must stand; port 0 only in a probe; the authenticator, if there, is the last
/// property. Source: docs/protocol/beacon.md.
/// </summary>
public ref struct BeaconDatagram
{
    /// <summary>Bytes before the properties.</summary>
    public const int HeaderBytes = 28;

    private const int VersionOffset = 4;
    private const int KindOffset = 5;
    private const int PortOffset = 6;
    private const int NodeOffset = 8;
    private const int GenerationOffset = 24;

    public BeaconKind Kind { get; set; }

    /// <summary>The node's mesh port; 0 in a probe of a tool that is no node.</summary>
    public ushort Port { get; set; }

    public NodeId NodeId { get; set; }

    /// <summary>Seconds since 1970-01-01 at the start of the daemon.</summary>
    public uint Generation { get; set; }

    /// <summary>UTF-8, 1 to 64 bytes.</summary>
    public ReadOnlySpan<byte> Cluster { get; set; }

    /// <summary>UTF-8, 1 to 64 bytes; empty when absent.</summary>
    public ReadOnlySpan<byte> NodeName { get; set; }

    /// <summary>The 32 bytes of the authenticator; empty when absent.</summary>
    public ReadOnlySpan<byte> Authenticator { get; private set; }

    /// <summary>The bytes that the authenticator covers: everything before its property.</summary>
    public ReadOnlySpan<byte> AuthenticatedBytes { get; private set; }

    /// <summary>Size without an authenticator.</summary>
    public readonly int DatagramBytes =>
        HeaderBytes
        + PropertyWriter.SizeUnlessEmpty(NodeName.Length)
        + PropertyWriter.Size(Cluster.Length);

    private static ReadOnlySpan<byte> Magic => "NXB1"u8;

    /// <summary>
    /// Reads a datagram: <see cref="ErrorCode.BadGreeting"/> when it is no beacon, <see
    /// cref="ErrorCode.UnsupportedVersion"/> for another version, <see cref="ErrorCode.Malformed"/> when it breaks a
    /// rule. Cluster and authenticator are the caller's to compare.
    /// </summary>
    public static ErrorCode TryRead(ReadOnlySpan<byte> datagram, out BeaconDatagram beacon)
    {
        beacon = default;
        if (datagram.Length < HeaderBytes || !datagram.StartsWith(Magic))
        {
            return ErrorCode.BadGreeting;
        }

        if (datagram[VersionOffset] != ProtocolLimits.Version)
        {
            return ErrorCode.UnsupportedVersion;
        }

        ref byte origin = ref MemoryMarshal.GetReference(datagram);
        beacon.Kind = (BeaconKind)datagram[KindOffset];
        beacon.Port = LittleEndian.U16(ref origin, PortOffset);
        beacon.NodeId = new NodeId(datagram[NodeOffset..]);
        beacon.Generation = LittleEndian.U32(ref origin, GenerationOffset);
        bool good = datagram.Length <= ProtocolLimits.MaxBeaconBytes
            && beacon.Kind is BeaconKind.Announce or BeaconKind.Probe or BeaconKind.Leave
            && (beacon.Port != 0 || beacon.Kind == BeaconKind.Probe)
            && !beacon.NodeId.IsEmpty
            && beacon.TryReadProperties(datagram);
        return good ? ErrorCode.None : ErrorCode.Malformed;
    }

    /// <summary>
    /// Appends the authenticator to a datagram without one; returns the size of the whole.
    /// </summary>
    /// <param name="datagram">Room for the whole; its first <paramref name="datagramBytes"/> bytes were
    /// written.</param> <param name="datagramBytes">What <see cref="Write"/> returned: the bytes that the authenticator
    /// covers.</param> <param name="authenticator">HMAC-SHA-256 over those bytes, 32 bytes.</param>
    public static int AppendAuthenticator(Span<byte> datagram, int datagramBytes, ReadOnlySpan<byte> authenticator)
    {
        if (authenticator.Length != ProtocolLimits.AuthenticatorBytes)
        {
            throw new ArgumentException("An authenticator has 32 bytes.", nameof(authenticator));
        }

        PropertyWriter writer = new(datagram[datagramBytes..]);
        writer.Write(PropertyId.Authenticator, authenticator);
        return datagramBytes + writer.Written;
    }

    /// <summary>Writes the datagram without an authenticator; returns its size.</summary>
    public readonly int Write(Span<byte> destination)
    {
        int size = DatagramBytes;
        Destination.Require(destination, size);
        ref byte origin = ref MemoryMarshal.GetReference(destination);
        Magic.CopyTo(destination);
        destination[VersionOffset] = ProtocolLimits.Version;
        destination[KindOffset] = (byte)Kind;
        LittleEndian.Put(ref origin, PortOffset, Port);
        NodeId.CopyTo(destination[NodeOffset..]);
        LittleEndian.Put(ref origin, GenerationOffset, Generation);
        PropertyWriter writer = new(destination[HeaderBytes..]);
        writer.WriteUnlessEmpty(PropertyId.NodeName, NodeName);
        writer.Write(PropertyId.Cluster, Cluster);
        return size;
    }

    private bool TryReadProperties(ReadOnlySpan<byte> datagram)
    {
        PropertyReader reader = new(datagram[HeaderBytes..]);
        AuthenticatedBytes = datagram;
        int start = HeaderBytes;
        while (reader.TryRead(out byte id, out ReadOnlySpan<byte> value))
        {
            // The authenticator covers what stands before it, so nothing may stand behind it.
            bool good = Authenticator.IsEmpty;
            switch (id)
            {
                case PropertyId.Cluster:
                    Cluster = value;
                    good &= WireText.IsValid(value, 1, ProtocolLimits.MaxNameBytes);
                    break;
                case PropertyId.NodeName:
                    NodeName = value;
                    good &= WireText.IsValid(value, 1, ProtocolLimits.MaxNameBytes);
                    break;
                case PropertyId.Authenticator:
                    Authenticator = value;
                    AuthenticatedBytes = datagram[..start];
                    good &= value.Length == ProtocolLimits.AuthenticatorBytes;
                    break;
            }

            if (!good)
            {
                return false;
            }

            start = HeaderBytes + reader.Offset;
        }

        return !reader.Malformed && !Cluster.IsEmpty;
    }
}
