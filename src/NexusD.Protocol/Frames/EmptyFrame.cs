namespace NexusD.Protocol.Frames;

/// <summary>
/// Frames whose kind says everything: BYE (0x0A), INTEREST_REQUEST (0x84), RETAINED_REQUEST (0x86). Eight bytes; a
/// body, if there is one, is room to grow and ignored, so there is nothing to read. Source: docs/protocol/app-v1.md,
/// peer-v1.md.
/// </summary>
public static class EmptyFrame
{
    public const int FrameBytes = FrameHeader.Size;

    /// <summary>Writes the header; returns 8.</summary>
    public static int Write(Span<byte> destination, byte kind)
    {
        FrameHeader.Write(destination, FrameBytes, kind);
        return FrameBytes;
    }
}
