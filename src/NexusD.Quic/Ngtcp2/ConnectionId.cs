using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using NexusD.Quic.Native;

namespace NexusD.Quic.Ngtcp2;

/// <summary>A connection ID as a key: up to 20 bytes by value (RFC 9000 section 5.1).</summary>
internal readonly unsafe struct ConnectionId : IEquatable<ConnectionId>
{
    /// <summary>
    /// Length of the IDs that we choose: short, because each packet carries one, and still not to be guessed.
    /// </summary>
    public const int OwnLength = 8;

    private readonly ulong _first;
    private readonly ulong _second;
    private readonly uint _third;
    private readonly int _length;

    public ConnectionId(byte* data, int length)
    {
        Bytes bytes = default;
        new ReadOnlySpan<byte>(data, length).CopyTo(bytes);
        ReadOnlySpan<byte> all = bytes;
        _first = MemoryMarshal.Read<ulong>(all);
        _second = MemoryMarshal.Read<ulong>(all[8..]);
        _third = MemoryMarshal.Read<uint>(all[16..]);
        _length = length;
    }

    /// <summary>An ID of our own length, read straight from a short header.</summary>
    public ConnectionId(ulong own)
    {
        _first = own;
        _length = OwnLength;
    }

    public static ConnectionId From(NgCid* cid) => new(cid->Data, (int)cid->Length);

    /// <summary>Fills in an unpredictable ID of our own length.</summary>
    public static void MakeRandom(NgCid* cid)
    {
        cid->Length = OwnLength;
        GnuTls.Random(GnuTls.RandomNonce, new Span<byte>(cid->Data, OwnLength));
    }

    public bool Equals(ConnectionId other) =>
        _first == other._first && _second == other._second && _third == other._third && _length == other._length;

    public override bool Equals(object? obj) => obj is ConnectionId other && Equals(other);

    /// <summary>
    /// Seeded per process: strangers choose the IDs of first packets and must not be able to make them collide.
    /// </summary>
    public override int GetHashCode() => HashCode.Combine(_first, _second, _third, _length);

    [InlineArray(NgCid.MaxLength)]
    private struct Bytes
    {
        private byte _item;
    }
}
