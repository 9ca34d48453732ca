using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NexusD.Protocol.App;

/// <summary>
/// PUBLISH (0x03): a run of events. Sent by the client.
/// <code>
///  0       4    5     6       8       12
/// +-------+----+-----+-------+-------+----------------+---------
/// | length|0x03|flags| props | alias | properties ... | run ...
/// | u32   | u8 | u8  | u16   | u32   | props bytes    |
/// +-------+----+-----+-------+-------+----------------+---------
/// </code>
/// Limits: those of properties (<see cref="EventProperties"/>) and of runs (<see cref="EventRunBody"/>), checked by
/// those; with more than one event at most 32,768 bytes. Source: docs/protocol/app-v1.md "PUBLISH".
/// </summary>
public readonly ref struct PublishFrame
{
    /// <summary>Bytes before the properties.</summary>
    public const int HeaderBytes = 12;

    private const int AliasOffset = 8;

    /// <summary>Retain, Acknowledge; unknown bits are gone.</summary>
    public RunFlags Flags { get; private init; }

    /// <summary>The topic's alias; 0: the topic is a property.</summary>
    public uint Alias { get; private init; }

    /// <summary>The list of properties, not yet judged.</summary>
    public ReadOnlySpan<byte> Properties { get; private init; }

    /// <summary>The run, not yet judged.</summary>
    public ReadOnlySpan<byte> Body { get; private init; }

    /// <summary>Splits a frame. Properties and body are judged by their own readers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ErrorCode TryRead(ReadOnlySpan<byte> frame, out PublishFrame publish)
    {
        if (frame.Length >= HeaderBytes)
        {
            FrameHeader.TryRead(frame, out FrameHeader header);
            int bodyOffset = HeaderBytes + header.Extra;
            if (bodyOffset <= frame.Length)
            {
                publish = new PublishFrame
                {
                    Flags = (RunFlags)header.Flags & (RunFlags.Retain | RunFlags.Acknowledge),
                    Alias = LittleEndian.U32(ref MemoryMarshal.GetReference(frame), AliasOffset),
                    Properties = frame.Slice(HeaderBytes, header.Extra),
                    Body = frame[bodyOffset..],
                };
                return ErrorCode.None;
            }
        }

        publish = default;
        return ErrorCode.Malformed;
    }

    /// <summary>The alias of a frame that nobody has judged yet.</summary>
    /// <param name="frame">At least 12 bytes.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint PeekAlias(ReadOnlySpan<byte> frame) =>
        BinaryPrimitives.ReadUInt32LittleEndian(frame[AliasOffset..]);

    /// <summary>Writes the fixed part; properties and run follow it. Returns 12.</summary>
    /// <param name="destination">At least 12 bytes.</param>
    /// <param name="frameBytes">Size of the whole frame: 12 + properties + run.</param>
    /// <param name="flags">Retain, Acknowledge.</param>
    /// <param name="propertyBytes">Bytes of properties.</param>
    /// <param name="alias">The topic's alias; 0: the topic is a property.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int WriteHeader(
        Span<byte> destination, int frameBytes, RunFlags flags, int propertyBytes, uint alias)
    {
        Destination.Require(destination, HeaderBytes);
        ref byte origin = ref MemoryMarshal.GetReference(destination);
        FrameHeader.Store(ref origin, frameBytes, FrameKind.Publish, (byte)flags, (ushort)propertyBytes);
        LittleEndian.Put(ref origin, AliasOffset, alias);
        return HeaderBytes;
    }
}
