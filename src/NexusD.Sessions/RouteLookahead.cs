using System.Runtime.CompilerServices;
using NexusD.Protocol;
using NexusD.Protocol.App;
using NexusD.Routing;

namespace NexusD.Sessions;

/// <summary>
/// Walks some frames ahead of the one that is handled and brings the routes of their topics into the cache.
/// </summary>
/// <remarks>
/// With thousands of topics drawn at random each event touches a topic, its route and its target, none of which is in
/// the cache, one after the other: that took three times as long as all the rest. The loads of several frames at a time
/// overlap. Reads what is not checked yet and relies on nothing of it.
/// </remarks>
internal ref struct RouteLookahead
{
    private const int StepFrames = 4;
    private const int Frames = 3 * StepFrames;

    private readonly ReadOnlySpan<byte> _bytes;
    private readonly IncomingAliases _aliases;
    private Ring _ring;
    private int _offset;
    private int _next;

    /// <param name="bytes">Received bytes, from the start of a frame.</param>
    /// <param name="aliases">The topics of the connection.</param>
    public RouteLookahead(ReadOnlySpan<byte> bytes, IncomingAliases aliases)
    {
        _bytes = bytes;
        _aliases = aliases;
        for (int i = 0; i < Frames && _offset < bytes.Length; i++)
        {
            Step();
        }
    }

    /// <summary>Call once for each frame that is handled.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step()
    {
        int at = _next++;
        _ring[at & (Ring.Size - 1)] = FindNext();
        if (_ring[(at - StepFrames) & (Ring.Size - 1)] is { } second)
        {
            Topic.PrefetchRoute(second);
        }

        if (_ring[(at - (2 * StepFrames)) & (Ring.Size - 1)] is { } third)
        {
            Topic.PrefetchTarget(third);
        }
    }

    private Topic? FindNext()
    {
        ReadOnlySpan<byte> rest = _bytes[_offset..];
        if (rest.Length < PublishFrame.HeaderBytes || !FrameHeader.TryRead(rest, out FrameHeader header))
        {
            return null;
        }

        uint left = (uint)(rest.Length - FrameHeader.LengthFieldBytes);
        _offset = header.Length < left ? _offset + header.FrameBytes : _bytes.Length;
        if (header.Kind != FrameKind.Publish || _aliases.Find(PublishFrame.PeekAlias(rest)) is not { } topic)
        {
            return null;
        }

        Topic.Prefetch(topic);
        return topic;
    }

    [InlineArray(Size)]
    private struct Ring
    {
        public const int Size = 16;

        private Topic? _first;
    }
}
