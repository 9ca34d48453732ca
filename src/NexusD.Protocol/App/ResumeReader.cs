using System.Buffers.Binary;

namespace NexusD.Protocol.App;

/// <summary>
/// Reads the resume property (0x43) of SUBSCRIBE: what a client that reconnects has had of a subscription.
/// <code>
///  0       8           16       24          32       33
/// +-------+-----------+--------+-----------+--------+----
/// | since | publisher | number | timestamp |priority| ...
/// | u64   | u64       | u64    | u64       | u8     |
/// +-------+-----------+--------+-----------+--------+----
/// </code>
/// Limits: at most 1,024 entries; publisher not 0, number 1 to 2^63 - 1, priority 0 to 2. Source:
/// docs/protocol/app-v1.md "Resuming".
/// </summary>
public ref struct ResumeReader
{
    /// <summary>Bytes of one entry.</summary>
    public const int EntryBytes = 25;

    /// <summary>Bytes before the entries.</summary>
    public const int HeaderBytes = 8;

    private const int NumberOffset = 8;
    private const int TimestampOffset = 16;
    private const int PriorityOffset = 24;

    private ReadOnlySpan<byte> _rest;

    /// <param name="value">The value of the property, valid by <see cref="IsValid"/>.</param>
    public ResumeReader(ReadOnlySpan<byte> value)
    {
        Since = BinaryPrimitives.ReadUInt64LittleEndian(value);
        _rest = value[HeaderBytes..];
    }

    /// <summary>
    /// Timestamp after which events of publishers that are not listed are wanted.
    /// </summary>
    public ulong Since { get; }

    /// <summary>Size of a property value with a number of entries.</summary>
    public static int Size(int entries) => HeaderBytes + (entries * EntryBytes);

    /// <summary>Whether a property value keeps the layout and the limits.</summary>
    public static bool IsValid(ReadOnlySpan<byte> value)
    {
        if (value.Length < HeaderBytes
            || (value.Length - HeaderBytes) % EntryBytes != 0
            || value.Length > Size(ProtocolLimits.MaxResumeEntries))
        {
            return false;
        }

        var reader = new ResumeReader(value);
        while (reader.TryRead(out ResumeEntry entry))
        {
            if (!RunLayout.IsIdentity(entry.Publisher, entry.Number) || entry.Priority > Priority.Low)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The next entry; false at the end.</summary>
    public bool TryRead(out ResumeEntry entry)
    {
        if (_rest.IsEmpty)
        {
            entry = default;
            return false;
        }

        entry = new ResumeEntry(
            BinaryPrimitives.ReadUInt64LittleEndian(_rest),
            BinaryPrimitives.ReadUInt64LittleEndian(_rest[NumberOffset..]),
            BinaryPrimitives.ReadUInt64LittleEndian(_rest[TimestampOffset..]),
            (Priority)_rest[PriorityOffset]);
        _rest = _rest[EntryBytes..];
        return true;
    }

    /// <summary>Writes the start of a property value; entries follow it. Returns 8.</summary>
    public static int WriteHeader(Span<byte> destination, ulong since)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(destination, since);
        return HeaderBytes;
    }

    /// <summary>Writes one entry; returns 25.</summary>
    public static int Write(Span<byte> destination, ResumeEntry entry)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(destination, entry.Publisher);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[NumberOffset..], entry.Number);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[TimestampOffset..], entry.Timestamp);
        destination[PriorityOffset] = (byte)entry.Priority;
        return EntryBytes;
    }
}
