using System.Runtime.InteropServices;

namespace NexusD.Protocol.Peer;

/// <summary>
/// RETAINED_DIGESTS (0x8D): questions about the peer's retained store and the answers that are no events. Sent on the
/// control stream.
/// <code>
///  0       4    5     6      8
/// +-------+----+-----+------+-----------------------
/// | length|0x8D|what | group| numbers ...
/// | u32   | u8 | u8  | u16  | u16 or u64 each
/// +-------+----+-----+------+-----------------------
/// </code>
/// Limits: as at <see cref="RetainedDigestsKind"/>; at most 49,160 bytes. Source: docs/protocol/peer-v1.md "Retained
/// repair".
/// </summary>
public readonly ref struct RetainedDigestsFrame
{
    /// <summary>Parts that the topics are divided into by their hashes; one digest each.</summary>
    public const int Leaves = 4_096;

    /// <summary>Parts that the leaves are divided into.</summary>
    public const int Groups = 64;

    /// <summary>Leaves of a group.</summary>
    public const int LeavesPerGroup = Leaves / Groups;

    /// <summary>Leaves that one frame may ask lists of.</summary>
    public const int MostLists = 64;

    /// <summary>Entries in one frame.</summary>
    public const int MostItems = 2_048;

    /// <summary>Topics that one frame may ask for.</summary>
    public const int MostEvents = 4_096;

    private const int ItemBytes = 3 * sizeof(ulong);
    private const int GroupOffset = 6;

    /// <summary>What it asks or tells.</summary>
    public RetainedDigestsKind Kind { get; init; }

    /// <summary>The group whose leaves are told, 0 to 63; 0 in other kinds.</summary>
    public int Group { get; init; }

    /// <summary>The numbers as they stand in the frame; read them with <see cref="U16"/>, <see cref="U64"/>.</summary>
    public ReadOnlySpan<byte> Body { get; init; }

    /// <summary>How many entries, groups, leaves or topics there are.</summary>
    public int Count => Body.Length / Unit(Kind);

    /// <summary>The leaf of a topic: the top 12 bits of its FNV-1a hash times the golden ratio.</summary>
    public static int LeafOf(ulong topicHash) => (int)((topicHash * 0x9E3779B97F4A7C15) >> 52);

    /// <summary>Bytes of a frame with so many numbers of its kind.</summary>
    public static int BytesOf(RetainedDigestsKind kind, int count) => FrameHeader.Size + (count * Unit(kind));

    public int U16(int index) =>
        LittleEndian.U16(ref MemoryMarshal.GetReference(Body.Slice(index * sizeof(ushort), sizeof(ushort))), 0);

    public ulong U64(int index) =>
        LittleEndian.U64(ref MemoryMarshal.GetReference(Body.Slice(index * sizeof(ulong), sizeof(ulong))), 0);

    public RetainedListItem Item(int index) => new(U64(index * 3), U64((index * 3) + 1), U64((index * 3) + 2));

    public static ErrorCode TryRead(ReadOnlySpan<byte> frame, out RetainedDigestsFrame digests)
    {
        digests = default;
        if (!FrameHeader.TryRead(frame, out FrameHeader header) || header.Flags > (byte)RetainedDigestsKind.AskEvents)
        {
            return ErrorCode.Malformed;
        }

        var read = new RetainedDigestsFrame
        {
            Kind = (RetainedDigestsKind)header.Flags,
            Group = header.Extra,
            Body = frame[FrameHeader.Size..],
        };
        if (!read.HasRightCount() || !read.HasPartsThatExist())
        {
            return ErrorCode.Malformed;
        }

        digests = read;
        return ErrorCode.None;
    }

    /// <summary>Writes the header; numbers follow by <see cref="PutU16"/> and <see cref="PutU64"/>.</summary>
    public static void WriteHeader(Span<byte> destination, RetainedDigestsKind kind, int count, int group = 0)
    {
        int bytes = BytesOf(kind, count);
        Destination.Require(destination, bytes);
        FrameHeader.Store(
            ref MemoryMarshal.GetReference(destination),
            bytes,
            PeerFrameKind.RetainedDigests,
            (byte)kind,
            (ushort)group);
    }

    public static void PutU16(Span<byte> frame, int index, int number) => LittleEndian.Put(
        ref MemoryMarshal.GetReference(frame.Slice(FrameHeader.Size + (index * sizeof(ushort)), sizeof(ushort))),
        0,
        (ushort)number);

    public static void PutU64(Span<byte> frame, int index, ulong number) => LittleEndian.Put(
        ref MemoryMarshal.GetReference(frame.Slice(FrameHeader.Size + (index * sizeof(ulong)), sizeof(ulong))),
        0,
        number);

    public static void PutItem(Span<byte> frame, int index, in RetainedListItem item)
    {
        PutU64(frame, index * 3, item.TopicHash);
        PutU64(frame, (index * 3) + 1, item.Timestamp);
        PutU64(frame, (index * 3) + 2, item.Digest);
    }

    private static int Unit(RetainedDigestsKind kind) => kind switch
    {
        RetainedDigestsKind.AskLeaves or RetainedDigestsKind.AskLists => sizeof(ushort),
        RetainedDigestsKind.List => ItemBytes,
        _ => sizeof(ulong),
    };

    private bool HasRightCount() => Body.Length % Unit(Kind) == 0 && Kind switch
    {
        RetainedDigestsKind.AskGroups => Count == 0,
        RetainedDigestsKind.Groups => Count == Groups,
        RetainedDigestsKind.Leaves => Count == LeavesPerGroup && Group < Groups,
        RetainedDigestsKind.AskLeaves => Count is >= 1 and <= Groups,
        RetainedDigestsKind.AskLists => Count is >= 1 and <= MostLists,
        RetainedDigestsKind.List => Count is >= 1 and <= MostItems,
        _ => Count is >= 1 and <= MostEvents,
    };

    private bool HasPartsThatExist()
    {
        int parts = Kind switch
        {
            RetainedDigestsKind.AskLeaves => Groups,
            RetainedDigestsKind.AskLists => Leaves,
            _ => int.MaxValue,
        };
        for (int i = 0; parts != int.MaxValue && i < Count; i++)
        {
            if (U16(i) >= parts)
            {
                return false;
            }
        }

        return true;
    }
}
