using System.Runtime.CompilerServices;
using NexusD.Protocol;
using NexusD.Protocol.App;
using NexusD.Routing;

namespace NexusD.Sessions;

/// <summary>
/// Walks some frames ahead of the one that is handled and brings the routes of their topics into the cache. Reads what
/// is not checked yet and relies on nothing of it.
/// </summary>
internal ref struct RouteLookahead
{
    private readonly ReadOnlySpan<byte> _bytes;
    private readonly IncomingAliases _aliases;
    private TopicPrefetch _prefetch;
    private int _offset;

    /// <param name="bytes">Received bytes, from the start of a frame.</param>
    /// <param name="aliases">The topics of the connection.</param>
    public RouteLookahead(ReadOnlySpan<byte> bytes, IncomingAliases aliases)
    {
        _bytes = bytes;
        _aliases = aliases;
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
        if (rest.Length < PublishFrame.HeaderBytes || !FrameHeader.TryRead(rest, out FrameHeader header))
        {
            return null;
        }

        uint left = (uint)(rest.Length - FrameHeader.LengthFieldBytes);
        _offset = header.Length < left ? _offset + header.FrameBytes : _bytes.Length;
        return header.Kind == FrameKind.Publish ? _aliases.Find(PublishFrame.PeekAlias(rest)) : null;
    }
}
