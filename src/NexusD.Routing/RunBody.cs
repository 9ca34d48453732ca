using System.Buffers.Binary;
using NexusD.Protocol;

namespace NexusD.Routing;

/// <summary>Steps through the validated body of a run: { u32 size, payload } after one another.</summary>
internal static class RunBody
{
    /// <summary>Bytes of the first event, its size field included.</summary>
    public static int FirstEventBytes(ReadOnlySpan<byte> body) =>
        EventRunBody.SizeFieldBytes + (int)BinaryPrimitives.ReadUInt32LittleEndian(body);

    /// <summary>Where event <paramref name="index"/> (from 0) starts.</summary>
    public static int OffsetOf(ReadOnlySpan<byte> body, int index)
    {
        int offset = 0;
        for (; index > 0; index--)
        {
            offset += FirstEventBytes(body[offset..]);
        }

        return offset;
    }
}
