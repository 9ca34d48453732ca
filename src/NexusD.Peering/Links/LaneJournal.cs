using NexusD.Buffers;
using NexusD.Protocol;
using NexusD.Quic;

namespace NexusD.Peering.Links;

/// <summary>
/// The frames of one outgoing lane from the moment they are written until the peer has routed them: references to the
/// slabs that the connection sends from, so nothing is copied. In: pieces of frames, what the peer acknowledged, links
/// that come and go. Out: the pieces to the link that is there, again from the first byte not acknowledged when it is a
/// new one.
/// </summary>
/// <remarks>
/// Positions count the bytes of frames since the lane began, over all links. Invariant: acknowledged &lt;= sent &lt;=
/// written. Bounded by the channel, which stops writing when <see cref="PeerChannel.QueuedBytes"/> is above its limit.
/// </remarks>
internal sealed class LaneJournal(PeerChannel channel) : ISlabSink
{
    private Part[] _ring = new Part[4];
    private int _head;
    private int _count;
    private int _headAcknowledged;
    private IQuicConnection? _connection;
    private long _stream = -1;

    /// <summary>Gets a frame; <paramref name="body"/> is the rest of one that goes by reference.</summary>
    public delegate void FrameVisitor(ReadOnlySpan<byte> frame, ReadOnlySpan<byte> body, long position);

    /// <summary>Position up to which the peer has routed everything.</summary>
    public long Acknowledged { get; private set; }

    /// <summary>Position up to which a link was given the bytes; whether they arrived is not known.</summary>
    public long Sent { get; private set; }

    /// <summary>Position behind the last byte.</summary>
    public long Written => Acknowledged + Held;

    /// <summary>Bytes not acknowledged.</summary>
    public long Held { get; private set; }

    /// <summary>The stream that the lane has on the present link; -1: none.</summary>
    public long Stream => _stream;

    public void Take(Slab slab, int offset, int length)
    {
        if (_connection is { } connection)
        {
            slab.Retain();
            connection.Write(_stream, slab, offset, length);
            Sent = Written + length;
        }

        Held += length;
        channel.QueuedBytes += length;
        Append(slab, offset, length);
    }

    /// <summary>The lane goes on as this stream, whose preamble was written: sends what is held.</summary>
    public void Connect(IQuicConnection connection, long stream)
    {
        _connection = connection;
        _stream = stream;
        int skip = _headAcknowledged;
        for (int i = 0; i < _count; i++)
        {
            ref Part part = ref At(i);
            part.Slab.Retain();
            connection.Write(stream, part.Slab, part.Offset + skip, part.Length - skip);
            skip = 0;
        }

        Sent = Math.Max(Sent, Written);
    }

    /// <summary>The link is gone, or is to be used no longer.</summary>
    public void Disconnect()
    {
        _connection = null;
        _stream = -1;
    }

    /// <summary>The peer has routed everything before this position. False when that cannot be.</summary>
    public bool TryAcknowledge(ulong position)
    {
        if (position < (ulong)Acknowledged || position > (ulong)Sent)
        {
            return false;
        }

        long bytes = (long)position - Acknowledged;
        Acknowledged += bytes;
        Held -= bytes;
        channel.QueuedBytes -= bytes;
        bytes += _headAcknowledged;
        while (_count > 0 && bytes >= At(0).Length)
        {
            bytes -= At(0).Length;
            DropHead();
        }

        _headAcknowledged = (int)bytes;
        return true;
    }

    /// <summary>Shows the frames that are held from a position on.</summary>
    public void Visit(long from, FrameVisitor visit)
    {
        long position = Acknowledged;
        int at = _headAcknowledged;
        for (int i = 0; i < _count; i++)
        {
            ReadOnlySpan<byte> rest = BytesOf(i)[at..];
            at = 0;
            while (FrameHeader.TryCut(rest, int.MaxValue, out FrameHeader header) is var status && !rest.IsEmpty)
            {
                int inside = Math.Min(rest.Length, header.FrameBytes);
                if (status is not (FrameStatus.Complete or FrameStatus.NeedMore) || inside < FrameHeader.Size)
                {
                    return; // the peer acknowledged a part of a frame
                }

                ReadOnlySpan<byte> body = inside < header.FrameBytes && i + 1 < _count ? BytesOf(i + 1) : default;
                int bodyBytes = Math.Min(body.Length, header.FrameBytes - inside);
                if (position >= from)
                {
                    visit(rest[..inside], body[..bodyBytes], position);
                }

                position += header.FrameBytes;
                rest = rest[inside..];
                at = bodyBytes;
            }
        }
    }

    /// <summary>Forgets what no link was given.</summary>
    public void DropUnsent() => DropFrom(Sent);

    /// <summary>Forgets what lies behind a position, the start of a frame that no link was given.</summary>
    public void DropFrom(long position)
    {
        long surplus = Written - position;
        Held -= surplus;
        channel.QueuedBytes -= surplus;
        while (surplus > 0)
        {
            ref Part last = ref At(_count - 1);
            if (last.Length > surplus)
            {
                last.Length -= (int)surplus;
                return;
            }

            surplus -= last.Length;
            last.Slab.Release();
            last = default;
            _count--;
        }
    }

    /// <summary>Forgets everything; the lane begins anew.</summary>
    public void Restart()
    {
        while (_count > 0)
        {
            DropHead();
        }

        channel.QueuedBytes -= Held;
        _headAcknowledged = 0;
        Acknowledged = Sent = Held = 0;
    }

    private ref Part At(int index) => ref _ring[(_head + index) & (_ring.Length - 1)];

    private ReadOnlySpan<byte> BytesOf(int index) => At(index).Slab.Slice(At(index).Offset, At(index).Length);

    private void Append(Slab slab, int offset, int length)
    {
        if (_count > 0)
        {
            // Frames of several turns lie one behind the other in the same slab: one part is enough for all of them.
            ref Part last = ref At(_count - 1);
            if (last.Slab == slab && last.Offset + last.Length == offset)
            {
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
