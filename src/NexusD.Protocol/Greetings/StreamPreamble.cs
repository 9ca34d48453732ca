namespace NexusD.Protocol.Greetings;

/// <summary>
/// The first eight bytes of each direction of a link's control stream, and of each lane.
/// <code>
///  0                   4            5         6         7          8
/// +-------------------+------------+---------+---------+----------+
/// | 'N' 'X' 'P' '1'   | version u8 | role u8 | lane u8 | class u8 |
/// +-------------------+------------+---------+---------+----------+
/// </code>
/// Limits: version 1 (unsupported_version); role 0 control with lane and class 0, role 1 lane with lane 0-11 and class
/// 0-2 (malformed). Source: docs/protocol/peer-v1.md "Streams".
/// </summary>
public readonly struct StreamPreamble
{
    public const int Size = 8;

    private const int VersionOffset = 4;
    private const int RoleOffset = 5;
    private const int LaneOffset = 6;
    private const int ClassOffset = 7;

    private StreamPreamble(bool isLane, byte lane, Priority priority)
    {
        IsLane = isLane;
        Lane = lane;
        Class = priority;
    }

    /// <summary>The preamble of a control stream.</summary>
    public static StreamPreamble Control => default;

    /// <summary>True for a lane, false for the control stream.</summary>
    public bool IsLane { get; }

    /// <summary>The sender's number of the lane, 0 to 11.</summary>
    public byte Lane { get; }

    /// <summary>Priority class of what the lane carries.</summary>
    public Priority Class { get; }

    private static ReadOnlySpan<byte> Magic => "NXP1"u8;

    /// <summary>The preamble of a lane.</summary>
    public static StreamPreamble ForLane(byte lane, Priority priority) => new(true, lane, priority);

    /// <summary>
    /// Reads the first 8 bytes of a stream; the caller waits until they are there (else bad_greeting).
    /// </summary>
    public static ErrorCode TryRead(ReadOnlySpan<byte> bytes, out StreamPreamble preamble)
    {
        preamble = default;
        if (bytes.Length < Size || !bytes.StartsWith(Magic))
        {
            return ErrorCode.BadGreeting;
        }

        if (bytes[VersionOffset] != ProtocolLimits.Version)
        {
            return ErrorCode.UnsupportedVersion;
        }

        byte role = bytes[RoleOffset];
        byte lane = bytes[LaneOffset];
        byte priority = bytes[ClassOffset];
        bool good = role == 0
            ? lane == 0 && priority == 0
            : role == 1 && lane < ProtocolLimits.MaxLanes && priority <= (byte)Priority.Low;
        if (!good)
        {
            return ErrorCode.Malformed;
        }

        preamble = new StreamPreamble(role == 1, lane, (Priority)priority);
        return ErrorCode.None;
    }

    public int Write(Span<byte> destination)
    {
        Destination.Require(destination, Size);
        Magic.CopyTo(destination);
        destination[VersionOffset] = ProtocolLimits.Version;
        destination[RoleOffset] = IsLane ? (byte)1 : (byte)0;
        destination[LaneOffset] = Lane;
        destination[ClassOffset] = (byte)Class;
        return Size;
    }
}
