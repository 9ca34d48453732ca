using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NexusD.Protocol;

/// <summary>
/// The eight bytes that start each frame of the app and the peer protocol.
/// <code>
///  0       4    5     6       8
/// +-------+----+-----+-------+------------------
/// | length|kind|flags| extra | body ...
/// | u32   | u8 | u8  | u16   | length - 4 bytes
/// +-------+----+-----+-------+------------------
/// </code>
/// Limits: length 4 to max_frame - 4; kinds 0x00 and 0xF0-0xFF are errors. Sent by everybody.
/// Source: docs/protocol/README.md "Frame".
/// </summary>
/// <remarks>
/// NexusD.Protocol turns bytes into frames and back, and knows the grammar of topics. It is pure: spans in, values out;
/// no sockets, tasks, clock, pool or log. It owns nothing: what a reader gives out are views into the bytes it was
/// given. Streams are cut with <see cref="TryCut"/>; each frame kind has a type with <c>TryRead(frame, out value)</c>,
/// which takes a frame that was cut and whose kind was looked at, and <c>Write(destination)</c>, which returns the
/// bytes written and throws <see cref="ArgumentException"/> when the destination is shorter than <c>FrameBytes</c> (a
/// mistake of the caller).
/// </remarks>
public readonly struct FrameHeader
{
    /// <summary>Size of the header in bytes.</summary>
    public const int Size = 8;

    /// <summary>Size of the length field, which the length does not count.</summary>
    public const int LengthFieldBytes = 4;

    private readonly ulong _raw;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private FrameHeader(ulong raw) => _raw = raw;

    /// <summary>Bytes after the length field: 4 plus the body.</summary>
    public uint Length => (uint)_raw;

    /// <summary>A <see cref="FrameKind"/> or <see cref="PeerFrameKind"/>.</summary>
    public byte Kind => (byte)(_raw >> 32);

    public byte Flags => (byte)(_raw >> 40);

    /// <summary>
    /// A number whose meaning depends on the kind: bytes of properties, an error code, a drop reason.
    /// </summary>
    public ushort Extra => (ushort)(_raw >> 48);

    /// <summary>
    /// Size of the whole frame in bytes. Meaningful only after the length was checked, as TryCut does.
    /// </summary>
    public int FrameBytes => (int)(Length + LengthFieldBytes);

    /// <summary>Reads a header without judging it; false when there are fewer than 8 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryRead(ReadOnlySpan<byte> bytes, out FrameHeader header)
    {
        if (bytes.Length < Size)
        {
            header = default;
            return false;
        }

        header = new FrameHeader(LittleEndian.U64(ref MemoryMarshal.GetReference(bytes), 0));
        return true;
    }

    /// <summary>
    /// Looks for one frame at the start of <paramref name="bytes"/>. When complete, the frame is the first
    /// <see cref="FrameBytes"/> bytes. Errors are told as soon as the header is there, before the body has come.
    /// </summary>
    /// <param name="bytes">What has come of the stream and was not used yet.</param>
    /// <param name="maxFrameBytes">Longest frame taken, its length field included.</param>
    /// <param name="header">The header; with NeedMore it is default while fewer than 8 bytes are there.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FrameStatus TryCut(ReadOnlySpan<byte> bytes, int maxFrameBytes, out FrameHeader header)
    {
        if (!TryRead(bytes, out header))
        {
            return FrameStatus.NeedMore;
        }

        uint length = header.Length;
        if (length - LengthFieldBytes > (uint)maxFrameBytes - Size || !FrameKind.IsAssignable(header.Kind))
        {
            return length < LengthFieldBytes || !FrameKind.IsAssignable(header.Kind)
                ? FrameStatus.Malformed
                : FrameStatus.TooLarge;
        }

        return header.FrameBytes <= bytes.Length ? FrameStatus.Complete : FrameStatus.NeedMore;
    }

    /// <summary>Writes a header.</summary>
    /// <param name="destination">At least 8 bytes.</param>
    /// <param name="frameBytes">Size of the whole frame, at least 8.</param>
    /// <param name="kind">A <see cref="FrameKind"/> or <see cref="PeerFrameKind"/>.</param>
    /// <param name="flags">Flags of that kind.</param>
    /// <param name="extra">Number of that kind.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(Span<byte> destination, int frameBytes, byte kind, byte flags = 0, ushort extra = 0)
    {
        Destination.Require(destination, Size);
        Store(ref MemoryMarshal.GetReference(destination), frameBytes, kind, flags, extra);
    }

    /// <summary>Writes a header where the caller has checked that there is room.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Store(ref byte origin, int frameBytes, byte kind, byte flags, ushort extra) =>
        LittleEndian.Put(
            ref origin,
            0,
            (uint)(frameBytes - LengthFieldBytes) | ((ulong)kind << 32) | ((ulong)flags << 40) | ((ulong)extra << 48));
}
