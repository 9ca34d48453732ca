namespace NexusD.Protocol.Greetings;

/// <summary>
/// The client's first eight bytes.
/// <code>
///  0                   4        5        6     8
/// +-------------------+--------+--------+-----+
/// | 'N' 'X' 'D' '1'   | min u8 | max u8 | 0   |  versions that the client speaks
/// +-------------------+--------+--------+-----+
/// </code>
/// Source: docs/protocol/app-v1.md "Greeting".
/// </summary>
public readonly struct ClientGreeting
{
    public const int Size = 8;

    private const int MinOffset = 4;
    private const int MaxOffset = 5;

    public ClientGreeting(byte minVersion, byte maxVersion)
    {
        MinVersion = minVersion;
        MaxVersion = maxVersion;
    }

    /// <summary>Lowest version that the client speaks.</summary>
    public byte MinVersion { get; }

    /// <summary>Highest version that the client speaks.</summary>
    public byte MaxVersion { get; }

    /// <summary>The version to use, or 0 when none is common.</summary>
    public byte ChosenVersion =>
        MinVersion <= ProtocolLimits.Version && ProtocolLimits.Version <= MaxVersion ? ProtocolLimits.Version : (byte)0;

    internal static ReadOnlySpan<byte> Magic => "NXD1"u8;

    /// <summary>
    /// Judges the first bytes of a connection as soon as they can be told from all other protocols. The greeting is set
    /// only for <see cref="GreetingKind.NexusD"/>; then 8 bytes are used up.
    /// </summary>
    public static GreetingKind Detect(ReadOnlySpan<byte> bytes, out ClientGreeting greeting)
    {
        greeting = default;
        if (bytes.Length < Magic.Length ? Magic.StartsWith(bytes) : bytes.StartsWith(Magic))
        {
            if (bytes.Length < Size)
            {
                return GreetingKind.NeedMore;
            }

            greeting = new ClientGreeting(bytes[MinOffset], bytes[MaxOffset]);
            return GreetingKind.NexusD;
        }

        return ForeignGreeting.Detect(bytes);
    }

    public int Write(Span<byte> destination)
    {
        Destination.Require(destination, Size);
        Magic.CopyTo(destination);
        destination[MinOffset] = MinVersion;
        destination[MaxOffset] = MaxVersion;
        destination[6..Size].Clear();
        return Size;
    }
}
