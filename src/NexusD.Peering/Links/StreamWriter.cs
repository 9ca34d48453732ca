using NexusD.Buffers;
using NexusD.Quic;

namespace NexusD.Peering.Links;

/// <summary>
/// The sending side of one stream: frames are written into a slab one behind the other and handed on as one piece, when
/// the slab is full or at the end of the loop's turn.
/// </summary>
/// <remarks>
/// Ownership: the writer holds one reference to the slab that it fills; each piece handed over has a reference of its
/// own, which the sink gives back when the peer has acknowledged it. Bytes handed over are never touched again.
/// An idle stream holds no slab, so that an idle link costs no buffer memory.
/// </remarks>
internal sealed class StreamWriter(SlabPool pool)
{
    /// <summary>Room below which the rest of a slab is not worth keeping.</summary>
    private const int LeastRoom = 256;

    private const int SmallSlabBytes = 4 * 1024;

    private ISlabSink? _sink;
    private Slab? _slab;
    private int _start;
    private int _end;
    private bool _busy;

    /// <summary>Id of the stream; -1 until it is open.</summary>
    public long Stream { get; private set; } = -1;

    public bool IsOpen => Stream >= 0;

    /// <summary>Bytes written and not handed over yet.</summary>
    public int Waiting => _end - _start;

    /// <summary>Writes to a stream of a connection.</summary>
    public void Open(IQuicConnection connection, long stream)
    {
        _sink = new StreamSink(connection, stream);
        Stream = stream;
    }

    /// <summary>Writes to something else than a stream.</summary>
    public void Open(ISlabSink sink) => _sink = sink;

    /// <summary>Room for exactly this many bytes, which the caller fills at once.</summary>
    public unsafe Span<byte> Reserve(int bytes)
    {
        if (_slab is null || _slab.Capacity - _end < bytes)
        {
            NextSlab(bytes);
        }

        var room = new Span<byte>(_slab!.Pointer + _end, bytes);
        _end += bytes;
        return room;
    }

    /// <summary>Appends a part of somebody's slab by reference, behind all that was written before.</summary>
    public void Append(Slab shared, int offset, int length)
    {
        HandOver();
        shared.Retain();
        _sink!.Take(shared, offset, length);
    }

    /// <summary>Hands over what was written; call it at the end of the turn.</summary>
    public void Flush()
    {
        HandOver();
        _busy = false;
    }

    /// <summary>
    /// Gives up the slab that is kept for the next frame; call it when the stream was quiet for a while.
    /// </summary>
    public void Trim()
    {
        if (Waiting == 0)
        {
            Release();
        }
    }

    /// <summary>Throws away what was not handed over; the connection is gone.</summary>
    public void Discard()
    {
        _start = _end;
        Release();
    }

    private void NextSlab(int bytes)
    {
        HandOver();
        Release();

        // A single event in a turn goes into a small slab; a stream that needs a second one is busy.
        _slab = pool.Rent(!_busy && bytes <= SmallSlabBytes ? SmallSlabBytes : bytes, MemoryKind.Links);
        _busy = true;
        _start = _end = 0;
    }

    private void HandOver()
    {
        if (_end == _start)
        {
            return;
        }

        Slab slab = _slab!;
        int offset = _start;
        _start = _end;
        if (slab.Capacity - _end < LeastRoom)
        {
            _slab = null; // our reference goes along
            _sink!.Take(slab, offset, _end - offset);
            _start = _end = 0;
            return;
        }

        slab.Retain();
        _sink!.Take(slab, offset, _end - offset);
    }

    private void Release()
    {
        _slab?.Release();
        _slab = null;
        _start = _end = 0;
    }
}

/// <summary>Hands pieces to one stream of a connection.</summary>
internal sealed class StreamSink(IQuicConnection connection, long stream) : ISlabSink
{
    public void Take(Slab slab, int offset, int length) => connection.Write(stream, slab, offset, length);
}
