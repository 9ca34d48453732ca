using NexusD.Buffers;
using NexusD.Protocol;
using NexusD.Protocol.Greetings;

namespace NexusD.Peering.Links;

/// <summary>The receiving side of one stream: its preamble, then frames.</summary>
/// <param name="mesh">Pool and limits.</param>
/// <param name="maxFrameBytes">Longest frame taken for now.</param>
internal sealed class FrameStream(MeshContext mesh, int maxFrameBytes)
{
    private readonly byte[] _first = new byte[StreamPreamble.Size];
    private readonly FrameAssembler _assembler = new(mesh.Pool, maxFrameBytes, mesh.Assembly);
    private int _firstBytes;

    /// <summary>The preamble; meaningful once <see cref="HasPreamble"/>.</summary>
    public StreamPreamble Preamble { get; private set; }

    public bool HasPreamble => _firstBytes == StreamPreamble.Size;

    /// <summary>Whether the stream stands between two frames, as it must when it ends.</summary>
    public bool IsAtFrameEnd => HasPreamble && !_assembler.IsInside;

    /// <summary>The slab that holds the frame given out last, or null when it lay in the data itself.</summary>
    public Slab? FrameSlab => _assembler.FrameSlab;

    /// <summary>Takes the preamble off the data, as far as it has come.</summary>
    public LinkFault ReadPreamble(ref ReadOnlySpan<byte> data)
    {
        int bytes = Math.Min(data.Length, StreamPreamble.Size - _firstBytes);
        data[..bytes].CopyTo(_first.AsSpan(_firstBytes));
        data = data[bytes..];
        _firstBytes += bytes;
        if (!HasPreamble)
        {
            return LinkFault.None;
        }

        ErrorCode error = StreamPreamble.TryRead(_first, out StreamPreamble preamble);
        Preamble = preamble;
        return error switch
        {
            ErrorCode.None => LinkFault.None,
            ErrorCode.UnsupportedVersion => new LinkFault(
                error,
                $"peer protocol version {_first[4]} is not known here; this node speaks {ProtocolLimits.Version}"),
            ErrorCode.BadGreeting => new LinkFault(error, "a stream does not start with NXP1"),
            _ => new LinkFault(error, $"a stream of role {_first[5]}, lane {_first[6]}, class {_first[7]}"),
        };
    }

    /// <summary>The next frame; empty without a fault when more bytes must come.</summary>
    public LinkFault TryTake(ref ReadOnlySpan<byte> data, out ReadOnlySpan<byte> frame)
    {
        ErrorCode error = _assembler.TryTake(ref data, out frame);
        return error switch
        {
            ErrorCode.None => LinkFault.None,
            ErrorCode.FrameTooLarge => new LinkFault(
                error, $"a frame is longer than {_assembler.MaxFrameBytes} bytes, the limit on this stream now"),
            ErrorCode.OverLimit => new LinkFault(error, "too many long frames are half-received at the moment"),
            _ => new LinkFault(error, "the bytes are no frame; the stream lost step"),
        };
    }

    /// <summary>From now on frames up to the limit that this node announced are taken.</summary>
    public void LiftLimit() => _assembler.MaxFrameBytes = mesh.Options.MaxFrameBytes;

    /// <summary>Gives back what is held.</summary>
    public void Reset() => _assembler.Reset();
}
