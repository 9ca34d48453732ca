using System.Runtime.InteropServices;

namespace NexusD.Protocol.App;

/// <summary>
/// SUBSCRIBE (0x04): opens a subscription. Sent by the client.
/// <code>
///  0       4    5     6       8        12       16       20       24
/// +-------+----+-----+-------+--------+--------+--------+--------+----------------+-----------
/// | length|0x04|flags| props | subscr.| credit | events | bytes  | properties ... | filters ...
/// | u32   | u8 | u8  | u16   | u32    | u32    | u32    | u32    | props bytes    |
/// +-------+----+-----+-------+--------+--------+--------+--------+----------------+-----------
/// </code>
/// Limits: subscription not 0; 1 filter or more (malformed), at most 1,024 (over_limit). Source:
/// docs/protocol/app-v1.md "SUBSCRIBE".
/// </summary>
public readonly ref struct SubscribeFrame
{
    /// <summary>Bytes before the properties.</summary>
    public const int HeaderBytes = 24;

    private const int SubscriptionOffset = 8;
    private const int CreditOffset = 12;
    private const int EventsOffset = 16;
    private const int BytesOffset = 20;
    private const byte NoRetainedFlag = 0x01;

    /// <summary>True when the retained events are not wanted.</summary>
    public bool NoRetained { get; init; }

    /// <summary>The client's id for the subscription, not 0.</summary>
    public uint Subscription { get; init; }

    /// <summary>Bytes of DELIVER frames that may come before the first CREDIT; 0: no limit but the socket's.</summary>
    public uint Credit { get; init; }

    /// <summary>Bound of the queue in events; 0: the daemon's default.</summary>
    public uint QueueEvents { get; init; }

    /// <summary>Bound of the queue in bytes; 0: the daemon's default.</summary>
    public uint QueueBytes { get; init; }

    /// <summary>What happens when the queue is full; null: the daemon's default.</summary>
    public OverflowPolicy? Overflow { get; init; }

    /// <summary>How long a publisher is held up with <see cref="OverflowPolicy.Block"/>; null: the default.</summary>
    public uint? BlockTimeoutMs { get; init; }

    /// <summary>How the groups that the filters name choose; null: no opinion.</summary>
    public GroupStrategy? Strategy { get; init; }

    /// <summary>
    /// What the client has had, when it opens the subscription again: see <see cref="ResumeReader"/>; empty: it is new.
    /// </summary>
    public ReadOnlySpan<byte> Resume { get; init; }

    /// <summary>How long it is kept when its connection breaks, in milliseconds; null: not, or as it was.</summary>
    public uint? KeepMs { get; init; }

    /// <summary>Names the kept subscription to take over, 16 bytes; empty: a new one.</summary>
    public ReadOnlySpan<byte> KeepToken { get; init; }

    /// <summary>How far the kept subscription was received; null: not known.</summary>
    public StreamPosition? Position { get; init; }

    /// <summary>The list of filters: see <see cref="FilterListReader"/>.</summary>
    public ReadOnlySpan<byte> Filters { get; init; }

    public int FrameBytes => HeaderBytes + PropertyBytes + Filters.Length;

    private int PropertyBytes => (Overflow is null ? 0 : PropertyWriter.Size(sizeof(byte)))
        + (BlockTimeoutMs is null ? 0 : PropertyWriter.Size(sizeof(uint)))
        + (Strategy is null ? 0 : PropertyWriter.Size(sizeof(byte)))
        + (Resume.IsEmpty ? 0 : PropertyWriter.Size(Resume.Length))
        + (KeepMs is null ? 0 : PropertyWriter.Size(sizeof(uint)))
        + PropertyWriter.SizeUnlessEmpty(KeepToken.Length)
        + (Position is null ? 0 : PropertyWriter.Size(StreamPosition.Size));

    /// <summary>
    /// Reads a frame. With <see cref="ErrorCode.OverLimit"/> the subscription id is there too, so that the refusal can
    /// name it. Filters are judged when they are parsed.
    /// </summary>
    public static ErrorCode TryRead(ReadOnlySpan<byte> frame, out SubscribeFrame subscribe)
    {
        subscribe = default;
        FrameHeader.TryRead(frame, out FrameHeader header);
        int filters = HeaderBytes + header.Extra;
        if (frame.Length < filters)
        {
            return ErrorCode.Malformed;
        }

        ref byte origin = ref MemoryMarshal.GetReference(frame);
        subscribe = new SubscribeFrame
        {
            NoRetained = (header.Flags & NoRetainedFlag) != 0,
            Subscription = LittleEndian.U32(ref origin, SubscriptionOffset),
            Credit = LittleEndian.U32(ref origin, CreditOffset),
            QueueEvents = LittleEndian.U32(ref origin, EventsOffset),
            QueueBytes = LittleEndian.U32(ref origin, BytesOffset),
            Filters = frame[filters..],
        };
        int count = FilterListReader.Count(subscribe.Filters);
        bool good = ReadProperties(frame.Slice(HeaderBytes, header.Extra), ref subscribe);
        if (!good || subscribe.Subscription == 0 || count <= 0)
        {
            return ErrorCode.Malformed;
        }

        return count <= ProtocolLimits.MaxFiltersPerSubscription ? ErrorCode.None : ErrorCode.OverLimit;
    }

    public int Write(Span<byte> destination)
    {
        Destination.Require(destination, FrameBytes);
        ref byte origin = ref MemoryMarshal.GetReference(destination);
        byte flags = NoRetained ? NoRetainedFlag : (byte)0;
        FrameHeader.Store(ref origin, FrameBytes, FrameKind.Subscribe, flags, (ushort)PropertyBytes);
        LittleEndian.Put(ref origin, SubscriptionOffset, Subscription);
        LittleEndian.Put(ref origin, CreditOffset, Credit);
        LittleEndian.Put(ref origin, EventsOffset, QueueEvents);
        LittleEndian.Put(ref origin, BytesOffset, QueueBytes);
        PropertyWriter properties = new(destination[HeaderBytes..]);
        if (Overflow is { } overflow)
        {
            properties.Write(PropertyId.Overflow, (byte)overflow);
        }

        if (BlockTimeoutMs is { } timeout)
        {
            properties.Write(PropertyId.BlockTimeout, timeout);
        }

        if (Strategy is { } strategy)
        {
            properties.Write(PropertyId.GroupStrategy, (byte)strategy);
        }

        if (!Resume.IsEmpty)
        {
            properties.Write(PropertyId.Resume, Resume);
        }

        WriteKeep(ref properties);
        Filters.CopyTo(destination[(HeaderBytes + PropertyBytes)..]);
        return FrameBytes;
    }

    private void WriteKeep(ref PropertyWriter properties)
    {
        if (KeepMs is { } keep)
        {
            properties.Write(PropertyId.Keep, keep);
        }

        properties.WriteUnlessEmpty(PropertyId.KeepToken, KeepToken);
        if (Position is { } position)
        {
            properties.Write(PropertyId.Position, position);
        }
    }

    private static bool ReadProperties(ReadOnlySpan<byte> list, ref SubscribeFrame subscribe)
    {
        PropertyReader properties = new(list);
        OverflowPolicy? overflow = null;
        uint? timeout = null;
        GroupStrategy? strategy = null;
        ReadOnlySpan<byte> resume = default;
        while (properties.TryRead(out byte id, out ReadOnlySpan<byte> value))
        {
            switch (id)
            {
                case PropertyId.Overflow:
                    if (value.Length != 1 || value[0] > (byte)OverflowPolicy.Conflate)
                    {
                        return false;
                    }

                    overflow = (OverflowPolicy)value[0];
                    break;
                case PropertyId.BlockTimeout:
                    if (!PropertyValue.TryRead(value, out uint milliseconds))
                    {
                        return false;
                    }

                    timeout = milliseconds;
                    break;
                case PropertyId.Resume:
                    if (!ResumeReader.IsValid(value))
                    {
                        return false;
                    }

                    resume = value;
                    break;
                case PropertyId.Keep or PropertyId.KeepToken or PropertyId.Position:
                    if (!TryReadKeep(id, value, ref subscribe))
                    {
                        return false;
                    }

                    break;
                case PropertyId.GroupStrategy:
                    if (value.Length != 1 || value[0] > (byte)GroupStrategy.LocalFirst)
                    {
                        return false;
                    }

                    strategy = (GroupStrategy)value[0];
                    break;
            }
        }

        subscribe = subscribe with
        {
            Overflow = overflow, BlockTimeoutMs = timeout, Strategy = strategy, Resume = resume,
        };
        return !properties.Malformed;
    }

    private static bool TryReadKeep(byte id, ReadOnlySpan<byte> value, ref SubscribeFrame subscribe)
    {
        switch (id)
        {
            case PropertyId.Keep when PropertyValue.TryRead(value, out uint milliseconds):
                subscribe = subscribe with { KeepMs = milliseconds };
                return true;
            case PropertyId.KeepToken when value.Length == ProtocolLimits.KeepTokenBytes:
                subscribe = subscribe with { KeepToken = value };
                return true;
            case PropertyId.Position when StreamPosition.TryRead(value, out StreamPosition position):
                subscribe = subscribe with { Position = position };
                return true;
            default:
                return false;
        }
    }
}
