namespace NexusD.Protocol.App;

/// <summary>
/// HELLO (0x01): who the client is. The client's first frame.
/// <code>
///  0       4    5     6     8
/// +-------+----+-----+-----+----------------
/// | length|0x01| 0   | 0   | properties ...
/// | u32   | u8 | u8  | u16 | to the end
/// +-------+----+-----+-----+----------------
/// </code>
/// Limits: those of the table. Source: docs/protocol/app-v1.md "HELLO, WELCOME". Writers leave out what has its default
/// and write the rest by ascending id.
/// </summary>
public ref struct HelloFrame
{
    public HelloFrame()
    {
    }

    /// <summary>Shown to operators; UTF-8, at most 128 bytes, empty when absent.</summary>
    public ReadOnlySpan<byte> ClientName { get; set; }

    /// <summary>Library and version; UTF-8, at most 64 bytes, empty when absent.</summary>
    public ReadOnlySpan<byte> ClientLibrary { get; set; }

    /// <summary>The publisher id wished for; 0: the daemon chooses.</summary>
    public ulong PublisherId { get; set; }

    /// <summary>Number of the first event published on this connection, 1 to 2^62.</summary>
    public ulong NextNumber { get; set; } = 1;

    /// <summary>Aliases that the client can hold for daemon -> client; 0: none.</summary>
    public uint MaxAliases { get; set; } = ProtocolLimits.DefaultMaxAliases;

    /// <summary>Longest frame that the client takes, in bytes, at least 65,536.</summary>
    public uint MaxFrame { get; set; } = ProtocolLimits.DefaultMaxFrameBytes;

    /// <summary>Proof of identity, at most 1,024 bytes; empty when absent.</summary>
    public ReadOnlySpan<byte> Token { get; set; }

    public readonly int FrameBytes =>
        FrameHeader.Size
        + PropertyWriter.SizeUnlessEmpty(ClientName.Length)
        + PropertyWriter.SizeUnlessEmpty(ClientLibrary.Length)
        + (PublisherId != 0 ? PropertyWriter.Size(sizeof(ulong)) : 0)
        + (NextNumber != 1 ? PropertyWriter.Size(sizeof(ulong)) : 0)
        + (MaxAliases != ProtocolLimits.DefaultMaxAliases ? PropertyWriter.Size(sizeof(uint)) : 0)
        + (MaxFrame != ProtocolLimits.DefaultMaxFrameBytes ? PropertyWriter.Size(sizeof(uint)) : 0)
        + PropertyWriter.SizeUnlessEmpty(Token.Length);

    public static ErrorCode TryRead(ReadOnlySpan<byte> frame, out HelloFrame hello)
    {
        hello = new HelloFrame();
        if (frame.Length < FrameHeader.Size)
        {
            return ErrorCode.Malformed;
        }

        PropertyReader reader = new(frame[FrameHeader.Size..]);
        while (reader.TryRead(out byte id, out ReadOnlySpan<byte> value))
        {
            if (!hello.TrySet(id, value))
            {
                return ErrorCode.Malformed;
            }
        }

        return reader.Malformed ? ErrorCode.Malformed : ErrorCode.None;
    }

    public readonly int Write(Span<byte> destination)
    {
        int size = FrameBytes;
        FrameHeader.Write(destination, size, FrameKind.Hello);
        PropertyWriter writer = new(destination[FrameHeader.Size..]);
        writer.WriteUnlessEmpty(PropertyId.ClientName, ClientName);
        writer.WriteUnlessEmpty(PropertyId.ClientLibrary, ClientLibrary);
        if (PublisherId != 0)
        {
            writer.Write(PropertyId.PublisherId, PublisherId);
        }

        if (NextNumber != 1)
        {
            writer.Write(PropertyId.NextNumber, NextNumber);
        }

        if (MaxAliases != ProtocolLimits.DefaultMaxAliases)
        {
            writer.Write(PropertyId.MaxAliases, MaxAliases);
        }

        if (MaxFrame != ProtocolLimits.DefaultMaxFrameBytes)
        {
            writer.Write(PropertyId.MaxFrame, MaxFrame);
        }

        writer.WriteUnlessEmpty(PropertyId.Token, Token);
        return size;
    }

    private bool TrySet(byte id, ReadOnlySpan<byte> value)
    {
        switch (id)
        {
            case PropertyId.ClientName:
                ClientName = value;
                return WireText.IsValid(value, 0, ProtocolLimits.MaxClientNameBytes);
            case PropertyId.ClientLibrary:
                ClientLibrary = value;
                return WireText.IsValid(value, 0, ProtocolLimits.MaxClientLibraryBytes);
            case PropertyId.PublisherId:
                bool hasPublisher = PropertyValue.TryRead(value, out ulong publisher);
                PublisherId = publisher;
                return hasPublisher && publisher != 0;
            case PropertyId.NextNumber:
                bool hasNumber = PropertyValue.TryRead(value, out ulong number);
                NextNumber = number;
                return hasNumber && number is >= 1 and <= ProtocolLimits.MaxFirstNumber;
            case PropertyId.MaxAliases:
                bool hasAliases = PropertyValue.TryRead(value, out uint aliases);
                MaxAliases = aliases;
                return hasAliases;
            case PropertyId.MaxFrame:
                bool hasFrame = PropertyValue.TryRead(value, out uint maxFrame);
                MaxFrame = maxFrame;
                return hasFrame && maxFrame >= ProtocolLimits.MinMaxFrameBytes;
            case PropertyId.Token:
                Token = value;
                return value.Length <= ProtocolLimits.MaxTokenBytes;
            default:
                return true;
        }
    }
}
