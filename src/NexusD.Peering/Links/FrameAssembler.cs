using NexusD.Buffers;
using NexusD.Protocol;

namespace NexusD.Peering.Links;

/// <summary>
/// Cuts a stream into frames. In: pieces of the stream as they come. Out: whole frames, in place where a piece holds
/// them whole, else out of a slab in which they were put together once.
/// </summary>
/// <remarks>
/// Nothing is allocated for a frame before its header was checked against the limit. Frames longer than a standard slab
/// are charged to an <see cref="AssemblyBudget"/> that all links share, because a hostile peer can have one half-sent
/// on each lane.
/// </remarks>
internal sealed class FrameAssembler(SlabPool pool, int maxFrameBytes, AssemblyBudget budget)
{
    /// <summary>Longest frame taken.</summary>
    public int MaxFrameBytes { get; set; } = maxFrameBytes;

    private Slab? _slab;
    private int _have;
    private int _need;
    private int _charged;
    private bool _complete;

    /// <summary>
    /// The slab that holds the frame given out last, or null when it lay in the piece itself. Valid until the next
    /// call.
    /// </summary>
    public Slab? FrameSlab => _complete ? _slab : null;

    /// <summary>Whether a frame has begun and not ended.</summary>
    public bool IsInside => _have > 0 && !_complete;

    /// <summary>
    /// The next frame; <paramref name="data"/> loses the bytes used. <see cref="ErrorCode.None"/> with an empty frame:
    /// more bytes must come, and <paramref name="data"/> is empty.
    /// </summary>
    public ErrorCode TryTake(ref ReadOnlySpan<byte> data, out ReadOnlySpan<byte> frame)
    {
        if (_have == 0)
        {
            FrameStatus status = FrameHeader.TryCut(data, MaxFrameBytes, out FrameHeader header);
            if (status == FrameStatus.Complete)
            {
                frame = data[..header.FrameBytes];
                data = data[header.FrameBytes..];
                return ErrorCode.None;
            }

            if (status != FrameStatus.NeedMore || data.IsEmpty)
            {
                frame = default;
                return status == FrameStatus.NeedMore ? ErrorCode.None : (ErrorCode)status;
            }
        }

        return Continue(ref data, out frame);
    }

    /// <summary>Gives the slab back; call it when the frame was used or the stream is gone.</summary>
    public void Reset()
    {
        _slab?.Release();
        _slab = null;
        budget.Return(_charged);
        _have = _need = _charged = 0;
        _complete = false;
    }

    private ErrorCode Continue(ref ReadOnlySpan<byte> data, out ReadOnlySpan<byte> frame)
    {
        frame = default;
        if (_complete)
        {
            Reset();
            return TryTake(ref data, out frame);
        }

        if (_have < FrameHeader.Size)
        {
            _slab ??= pool.Rent(SmallFrameBytes, MemoryKind.Links);
            Take(ref data, FrameHeader.Size);
            FrameStatus status = FrameHeader.TryCut(_slab.Slice(0, _have), MaxFrameBytes, out FrameHeader header);
            if (status is not (FrameStatus.NeedMore or FrameStatus.Complete))
            {
                return (ErrorCode)status;
            }

            if (_have < FrameHeader.Size)
            {
                return ErrorCode.None;
            }

            _need = header.FrameBytes;
            if (!Grow())
            {
                return ErrorCode.OverLimit;
            }
        }

        Take(ref data, _need);
        if (_have == _need)
        {
            _complete = true;
            frame = _slab!.Slice(0, _need);
        }

        return ErrorCode.None;
    }

    private const int SmallFrameBytes = 4 * 1024;

    private void Take(ref ReadOnlySpan<byte> data, int upTo)
    {
        int bytes = Math.Min(data.Length, upTo - _have);
        data[..bytes].CopyTo(_slab!.Span[_have..]);
        data = data[bytes..];
        _have += bytes;
    }

    private bool Grow()
    {
        if (_need <= _slab!.Capacity)
        {
            return true;
        }

        if (_need > SlabPool.StandardBytes)
        {
            if (!budget.TryTake(_need))
            {
                return false;
            }

            _charged = _need;
        }

        Slab larger = pool.Rent(_need, MemoryKind.Payloads);
        _slab.Slice(0, _have).CopyTo(larger.Span);
        _slab.Release();
        _slab = larger;
        return true;
    }
}

/// <summary>Bytes that half-received long frames may hold over all links of a mesh. For the loop's thread.</summary>
internal sealed class AssemblyBudget(long bytes)
{
    private long _left = bytes;

    public bool TryTake(int bytes)
    {
        if (bytes > _left)
        {
            return false;
        }

        _left -= bytes;
        return true;
    }

    public void Return(int bytes) => _left += bytes;
}
