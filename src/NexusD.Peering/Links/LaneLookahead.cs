using System.Runtime.CompilerServices;
using NexusD.Protocol;
using NexusD.Protocol.Peer;
using NexusD.Routing;

namespace NexusD.Peering.Links;

/// <summary>
/// Walks some FORWARD frames ahead of the one that is handled and brings the routes of their topics into the cache.
/// Reads what is not checked yet and relies on nothing of it.
/// </summary>
internal ref struct LaneLookahead
{
    private readonly ReadOnlySpan<byte> _bytes;
    private readonly IncomingLane _lane;
    private TopicPrefetch _prefetch;
    private int _offset;

    /// <param name="bytes">A piece of the lane, from the start of a frame; empty to look at nothing.</param>
    /// <param name="lane">Knows the topics.</param>
    public LaneLookahead(ReadOnlySpan<byte> bytes, IncomingLane lane)
    {
        _bytes = bytes;
        _lane = lane;
        for (int i = 0; i < TopicPrefetch.Lead && _offset < bytes.Length; i++)
        {
            Step();
        }
    }

    /// <summary>Call once for each frame that is handled.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step() => _prefetch.Push(FindNext());

    private Topic? FindNext()
    {
        ReadOnlySpan<byte> rest = _bytes[_offset..];
        if (rest.Length < ForwardFrame.HeaderBytes || !FrameHeader.TryRead(rest, out FrameHeader header))
        {
            return null;
        }

        uint left = (uint)(rest.Length - FrameHeader.LengthFieldBytes);
        _offset = header.Length < left ? _offset + header.FrameBytes : _bytes.Length;
        return header.Kind == PeerFrameKind.Forward ? _lane.Peek(ForwardFrame.PeekAlias(rest)) : null;
    }
}
