using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NexusD.Protocol;

/// <summary>
/// The body of a run: payloads, each after its size, up to the end of the frame.
/// <code>
/// +-------+-------------+-------+-------------+----
/// | size  | payload ... | size  | payload ... | ...
/// | u32   |             | u32   |             |
/// +-------+-------------+-------+-------------+----
/// </code>
/// Limits: at least one event, sizes add up exactly, each at most max_payload; with more than one event the frame is at
/// most 32,768 bytes in PUBLISH, 34,816 in DELIVER and FORWARD. Source: docs/protocol/README.md "Event run".
/// </summary>
public static class EventRunBody
{
    /// <summary>Bytes of the size before each payload.</summary>
    public const int SizeFieldBytes = 4;

    /// <summary>
    /// Checks a body in one pass over its sizes. <see cref="ErrorCode.Malformed"/> when it breaks the layout; <see
    /// cref="ErrorCode.PayloadTooLarge"/> when only a payload is too long, and then the count is true as well (refused
    /// events are numbered).
    /// </summary>
    /// <param name="body">From the first size to the end of the frame.</param>
    /// <param name="maxPayload">Longest payload in bytes.</param>
    /// <param name="frameBytes">Size of the whole frame that the body ends.</param>
    /// <param name="count">Events in the body; 0 when malformed.</param>
    /// <param name="maxRunFrameBytes">Longest frame with more than one event.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ErrorCode Validate(
        ReadOnlySpan<byte> body,
        uint maxPayload,
        int frameBytes,
        out int count,
        int maxRunFrameBytes = ProtocolLimits.MaxRunFrameBytes)
    {
        // With topics drawn at random nearly every run has one event.
        if (body.Length >= SizeFieldBytes)
        {
            uint only = LittleEndian.U32(ref MemoryMarshal.GetReference(body), 0);
            if (only == (uint)(body.Length - SizeFieldBytes) && only <= maxPayload)
            {
                count = 1;
                return ErrorCode.None;
            }
        }

        return ValidateMany(body, maxPayload, frameBytes, out count, maxRunFrameBytes);
    }

    private static ErrorCode ValidateMany(
        ReadOnlySpan<byte> body, uint maxPayload, int frameBytes, out int count, int maxRunFrameBytes)
    {
        ref byte origin = ref MemoryMarshal.GetReference(body);
        nint end = body.Length;
        nint last = end - SizeFieldBytes;
        nint offset = 0;
        int events = 0;
        uint largest = 0;
        while (offset <= last)
        {
            uint size = LittleEndian.U32(ref origin, offset);
            // Also keeps the sum below from wrapping: a size beyond the end stops here.
            if (size > (uint)(last - offset))
            {
                offset = -1;
                break;
            }

            largest = size > largest ? size : largest;
            offset += SizeFieldBytes + (nint)size;
            events++;
        }

        if (offset != end || events == 0 || (events > 1 && frameBytes > maxRunFrameBytes))
        {
            count = 0;
            return ErrorCode.Malformed;
        }

        count = events;
        return largest <= maxPayload ? ErrorCode.None : ErrorCode.PayloadTooLarge;
    }

    /// <summary>Writes the size of a payload; the caller puts the payload behind it. Returns 4.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int WriteSize(Span<byte> destination, int payloadBytes)
    {
        Destination.Require(destination, SizeFieldBytes);
        LittleEndian.Put(ref MemoryMarshal.GetReference(destination), 0, (uint)payloadBytes);
        return SizeFieldBytes;
    }

    /// <summary>Appends one payload with its size; returns the bytes written.</summary>
    public static int Write(Span<byte> destination, ReadOnlySpan<byte> payload)
    {
        Destination.Require(destination, SizeFieldBytes + payload.Length);
        LittleEndian.Put(ref MemoryMarshal.GetReference(destination), 0, (uint)payload.Length);
        payload.CopyTo(destination[SizeFieldBytes..]);
        return SizeFieldBytes + payload.Length;
    }
}
