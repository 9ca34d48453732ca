using System.Diagnostics;
using NexusD.Buffers;
using NexusD.Quic.Native;

namespace NexusD.Quic.Ngtcp2;

/// <summary>
/// The bytes of one stream from the moment they are written until the peer has acknowledged them: a ring of slab parts
/// with two marks. Invariant: 0 &lt;= acknowledged &lt;= sent &lt;= written; what lies between acknowledged and sent
/// belongs to ngtcp2 as well, which reads it again to retransmit, so a part is released only when acknowledged or when
/// the stream is gone.
/// </summary>
internal sealed unsafe class SendQueue
{
    private Part[] _ring = new Part[4];
    private int _head;
    private int _count;

    /// <summary>Bytes of the first part that are acknowledged already.</summary>
    private int _headAcknowledged;

    /// <summary>Parts, counted from the head, that are sent entirely.</summary>
    private int _sentParts;

    /// <summary>Bytes sent of the part after those.</summary>
    private int _sentBytes;

    /// <summary>Bytes not yet handed to ngtcp2.</summary>
    public long Unsent { get; private set; }

    /// <summary>Bytes held in all: unsent, or sent and not acknowledged.</summary>
    public long Held { get; private set; }

    /// <summary>Takes over one reference to the slab.</summary>
    public void Append(Slab slab, int offset, int length)
    {
        Unsent += length;
        Held += length;
        if (_count > 0)
        {
            // Frames are usually appended one after the other to the same slab: one part is enough for all of them.
            ref Part last = ref At(_count - 1);
            if (last.Slab == slab && last.Offset + last.Length == offset)
            {
                if (_sentParts == _count)
                {
                    _sentParts--;
                    _sentBytes = last.Length;
                }

                last.Length += length;
                slab.Release();
                return;
            }
        }

        if (_count == _ring.Length)
        {
            Grow();
        }

        At(_count++) = new Part { Slab = slab, Offset = offset, Length = length };
    }

    /// <summary>
    /// Describes unsent bytes until they are enough for a packet; returns the number of entries.
    /// <paramref name="all"/>: they reach to the end.
    /// </summary>
    public int Gather(NgVec* vectors, int capacity, int enoughBytes, out bool all)
    {
        int filled = 0;
        int skip = _sentBytes;
        for (int i = _sentParts; i < _count && filled < capacity && enoughBytes > 0; i++)
        {
            ref Part part = ref At(i);
            int length = part.Length - skip;
            vectors[filled++] = new NgVec { Base = part.Slab.Pointer + part.Offset + skip, Length = (nuint)length };
            enoughBytes -= length;
            skip = 0;
        }

        all = _sentParts + filled == _count;
        return filled;
    }

    /// <summary>ngtcp2 took this many of the gathered bytes.</summary>
    public void MarkSent(long bytes)
    {
        Debug.Assert(bytes <= Unsent, "more was sent than written");
        Unsent -= bytes;
        bytes += _sentBytes;
        while (_sentParts < _count && bytes >= At(_sentParts).Length)
        {
            bytes -= At(_sentParts++).Length;
        }

        _sentBytes = (int)bytes;
    }

    /// <summary>The peer has this many more bytes, in order; parts that are through are released.</summary>
    public void Acknowledge(long bytes)
    {
        Debug.Assert(bytes <= Held - Unsent, "more was acknowledged than sent");
        Held -= bytes;
        bytes += _headAcknowledged;
        while (_sentParts > 0 && bytes >= At(0).Length)
        {
            bytes -= At(0).Length;
            DropHead();
            _sentParts--;
        }

        _headAcknowledged = (int)bytes;
    }

    /// <summary>Forgets what was not sent; returns how many bytes that was.</summary>
    public long DropUnsent()
    {
        long dropped = Unsent;
        while (_count > _sentParts + (_sentBytes > 0 ? 1 : 0))
        {
            ref Part last = ref At(--_count);
            last.Slab.Release();
            last = default;
        }

        if (_sentBytes > 0)
        {
            At(_sentParts).Length = _sentBytes;
            _sentParts++;
            _sentBytes = 0;
        }

        Held -= dropped;
        Unsent = 0;
        return dropped;
    }

    /// <summary>
    /// Releases everything; returns how many bytes were held. Only when ngtcp2 no longer knows the stream.
    /// </summary>
    public long Clear()
    {
        long held = Held;
        while (_count > 0)
        {
            DropHead();
        }

        _headAcknowledged = _sentParts = _sentBytes = 0;
        Held = Unsent = 0;
        return held;
    }

    private ref Part At(int index) => ref _ring[(_head + index) & (_ring.Length - 1)];

    private void DropHead()
    {
        ref Part first = ref At(0);
        first.Slab.Release();
        first = default;
        _head = (_head + 1) & (_ring.Length - 1);
        _count--;
    }

    private void Grow()
    {
        var larger = new Part[_ring.Length * 2];
        for (int i = 0; i < _count; i++)
        {
            larger[i] = At(i);
        }

        _ring = larger;
        _head = 0;
    }

    private struct Part
    {
        public Slab Slab;
        public int Offset;
        public int Length;
    }
}
