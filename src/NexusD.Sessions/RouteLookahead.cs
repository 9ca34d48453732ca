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
    // How many frames earlier than its topic the place of an alias is loaded.
    private const int AliasLead = 4;

    private readonly ReadOnlySpan<byte> _bytes;
    private readonly IncomingAliases _aliases;
    private TopicPrefetch _prefetch;
    private Ring _ring;
    private int _next;
    private int _offset;

    /// <param name="bytes">Received bytes, from the start of a frame.</param>
    /// <param name="aliases">The topics of the connection.</param>
    public RouteLookahead(ReadOnlySpan<byte> bytes, IncomingAliases aliases)
    {
        _bytes = bytes;
        _aliases = aliases;
        for (int i = 0; i < AliasLead + TopicPrefetch.Lead && _offset < bytes.Length; i++)
        {
            Step();
        }
    }

    /// <summary>Call once for each frame that is handled.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step()
    {
        uint alias = FindNext();
        _aliases.Prefetch(alias);
        ref uint place = ref _ring[_next++ & (AliasLead - 1)];
        _prefetch.Push(_aliases.Find(place));
        place = alias;
    }

    /// <summary>The alias of the next frame; 0, which nobody can declare, where it is no PUBLISH.</summary>
    private uint FindNext()
    {
        ReadOnlySpan<byte> rest = _bytes[_offset..];
        if (rest.Length < PublishFrame.HeaderBytes || !FrameHeader.TryRead(rest, out FrameHeader header))
        {
            return 0;
        }

        uint left = (uint)(rest.Length - FrameHeader.LengthFieldBytes);
        _offset = header.Length < left ? _offset + header.FrameBytes : _bytes.Length;
        return header.Kind == FrameKind.Publish ? PublishFrame.PeekAlias(rest) : 0;
    }

    [InlineArray(AliasLead)]
    private struct Ring
    {
        private uint _first;
    }
}
