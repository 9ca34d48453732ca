using System.Buffers.Binary;
using System.Globalization;

namespace NexusD.Protocol;

/// <summary>
/// Sixteen random bytes that a daemon chooses at each start; never all zero. Ordered as bytes, which decides between
/// two links of the same nodes (docs/protocol/peer-v1.md "HELLO").
/// </summary>
public readonly struct NodeId : IEquatable<NodeId>, IComparable<NodeId>
{
    /// <summary>Size in bytes.</summary>
    public const int Size = 16;

    private readonly ulong _high;
    private readonly ulong _low;

    /// <summary>Takes the first 16 bytes; throws when there are fewer.</summary>
    public NodeId(ReadOnlySpan<byte> bytes)
    {
        _low = BinaryPrimitives.ReadUInt64BigEndian(bytes[8..Size]);
        _high = BinaryPrimitives.ReadUInt64BigEndian(bytes);
    }

    /// <summary>True for sixteen zero bytes, which is no node.</summary>
    public bool IsEmpty => (_high | _low) == 0;

    public static bool operator ==(NodeId left, NodeId right) => left.Equals(right);

    public static bool operator !=(NodeId left, NodeId right) => !left.Equals(right);

    public static bool operator <(NodeId left, NodeId right) => left.CompareTo(right) < 0;

    public static bool operator >(NodeId left, NodeId right) => left.CompareTo(right) > 0;

    public static bool operator <=(NodeId left, NodeId right) => left.CompareTo(right) <= 0;

    public static bool operator >=(NodeId left, NodeId right) => left.CompareTo(right) >= 0;

    /// <summary>Writes the sixteen bytes.</summary>
    public void CopyTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..Size], _low);
        BinaryPrimitives.WriteUInt64BigEndian(destination, _high);
    }

    public bool Equals(NodeId other) => _high == other._high && _low == other._low;

    public override bool Equals(object? obj) => obj is NodeId other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(_high, _low);

    public int CompareTo(NodeId other) =>
        _high != other._high ? _high.CompareTo(other._high) : _low.CompareTo(other._low);

    /// <summary>32 lower-case hexadecimal digits.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{_high:x16}{_low:x16}");
}
