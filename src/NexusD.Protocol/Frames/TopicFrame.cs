using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NexusD.Protocol.Frames;

/// <summary>
/// TOPIC (0x02): declares a topic alias. Sent by everybody, in the app protocol and on the lanes of a link.
/// <code>
///  0       4    5     6     8       12
/// +-------+----+-----+-----+-------+-----------
/// | length|0x02| 0   | 0   | alias | topic ...
/// | u32   | u8 | u8  | u16 | u32   | 1-1024 bytes
/// +-------+----+-----+-----+-------+-----------
/// </code>
/// Limits: alias 1 to max_aliases, else malformed; the topic is judged by topics.md (bad_topic).
/// Source: docs/protocol/README.md "Topic aliases".
/// </summary>
public readonly ref struct TopicFrame
{
    /// <summary>Bytes before the topic.</summary>
    public const int HeaderBytes = 12;

    private const int AliasOffset = 8;

    public TopicFrame(uint alias, ReadOnlySpan<byte> topic)
    {
        Alias = alias;
        Topic = topic;
    }

    public uint Alias { get; }

    /// <summary>The name as it came; <see cref="Topics.TopicName.Validate"/> judges it.</summary>
    public ReadOnlySpan<byte> Topic { get; }

    public int FrameBytes => HeaderBytes + Topic.Length;

    /// <summary>Reads a frame; the upper limit of the alias is the caller's to check.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ErrorCode TryRead(ReadOnlySpan<byte> frame, out TopicFrame topic)
    {
        if (frame.Length < HeaderBytes)
        {
            topic = default;
            return ErrorCode.Malformed;
        }

        uint alias = LittleEndian.U32(ref MemoryMarshal.GetReference(frame), AliasOffset);
        topic = new TopicFrame(alias, frame[HeaderBytes..]);
        return alias != 0 ? ErrorCode.None : ErrorCode.Malformed;
    }

    public int Write(Span<byte> destination)
    {
        Destination.Require(destination, FrameBytes);
        ref byte origin = ref MemoryMarshal.GetReference(destination);
        FrameHeader.Store(ref origin, FrameBytes, FrameKind.Topic, 0, 0);
        LittleEndian.Put(ref origin, AliasOffset, Alias);
        Topic.CopyTo(destination[HeaderBytes..]);
        return FrameBytes;
    }
}
