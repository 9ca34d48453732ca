namespace NexusD.Protocol.Greetings;

/// <summary>
/// The daemon's answer to a client's greeting.
/// <code>
///  0                   4            5      6     8
/// +-------------------+------------+------+-----+
/// | 'N' 'X' 'D' '1'   | version u8 | 0 u8 | 0   |  the version to use; 0: none is common, an ERROR follows
/// +-------------------+------------+------+-----+
/// </code>
/// Source: docs/protocol/app-v1.md "Greeting".
/// </summary>
public readonly struct DaemonGreeting
{
    public const int Size = 8;

    private const int VersionOffset = 4;

    public DaemonGreeting(byte version) => Version = version;

    public byte Version { get; }

    /// <summary>
    /// Reads the first 8 bytes from the daemon; <see cref="ErrorCode.BadGreeting"/> when they are not this protocol's
    /// or too few.
    /// </summary>
    public static ErrorCode TryRead(ReadOnlySpan<byte> bytes, out DaemonGreeting greeting)
    {
        greeting = default;
        if (bytes.Length < Size || !bytes.StartsWith(ClientGreeting.Magic))
        {
            return ErrorCode.BadGreeting;
        }

        greeting = new DaemonGreeting(bytes[VersionOffset]);
        return ErrorCode.None;
    }

    public int Write(Span<byte> destination)
    {
        Destination.Require(destination, Size);
        destination[..Size].Clear();
        ClientGreeting.Magic.CopyTo(destination);
        destination[VersionOffset] = Version;
        return Size;
    }
}
