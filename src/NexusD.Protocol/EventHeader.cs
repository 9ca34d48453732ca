namespace NexusD.Protocol;

/// <summary>
/// A header of an event: the value of property 0x04. Layout: u8 key length (1-255), key text, value bytes.
/// Source: docs/protocol/README.md "Event run".
/// </summary>
public readonly ref struct EventHeader
{
    private EventHeader(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        Key = key;
        Value = value;
    }

    /// <summary>UTF-8, 1 to 255 bytes.</summary>
    public ReadOnlySpan<byte> Key { get; }

    /// <summary>Any bytes, also none.</summary>
    public ReadOnlySpan<byte> Value { get; }

    /// <summary>Splits the value of property 0x04; false when it breaks the layout.</summary>
    public static bool TryRead(ReadOnlySpan<byte> property, out EventHeader header)
    {
        header = default;
        if (property.IsEmpty || property[0] > property.Length - 1)
        {
            return false;
        }

        ReadOnlySpan<byte> key = property.Slice(1, property[0]);
        if (!WireText.IsValid(key, 1, ProtocolLimits.MaxShortTextBytes))
        {
            return false;
        }

        header = new EventHeader(key, property[(1 + key.Length)..]);
        return true;
    }
}
