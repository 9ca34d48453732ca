using NexusD.Protocol;
using NexusD.Protocol.Frames;
using NexusD.Protocol.Topics;
using NexusD.Routing;

namespace NexusD.Peering.Links;

/// <summary>
/// What this node knows of one lane of a peer, over all links: how much of it was routed, and which aliases were
/// declared. A lane goes on on the next link where it stood, so both outlive the stream.
/// </summary>
/// <remarks>Bounded: aliases in number and, over all lanes of the peer, in bytes.</remarks>
internal sealed class IncomingLane(MeshContext mesh, LinkLedger ledger)
{
    /// <summary>What an alias costs here beside its text.</summary>
    private const int AliasOverheadBytes = 64;

    private Topic?[] _aliases = [];
    private HashSet<uint>? _badAliases;

    public LinkLedger Ledger => ledger;

    /// <summary>Bytes of whole frames that were routed since the lane began.</summary>
    public long Routed { get; set; }

    /// <summary>How much of it the peer was told.</summary>
    public long Told { get; set; }

    /// <summary>The link whose stream the lane is at present.</summary>
    public PeerLink? Reader { get; set; }

    /// <summary>The topic that a frame names by alias or as text; null when it is none, or with a fault.</summary>
    public LinkFault FindTopic(uint alias, ReadOnlySpan<byte> name, out Topic? topic)
    {
        topic = null;
        if (alias == 0)
        {
            topic = TopicName.Validate(name) == TopicError.None ? mesh.Router.Intern(name) : null;
            return LinkFault.None;
        }

        if (alias < (uint)_aliases.Length && (topic = _aliases[alias]) is not null)
        {
            return LinkFault.None;
        }

        if (alias > (uint)mesh.Options.MaxAliases)
        {
            return LinkFault.Malformed(
                $"alias {alias} is above {mesh.Options.MaxAliases}, the limit this node announced");
        }

        return _badAliases?.Contains(alias) == true
            ? LinkFault.None
            : new LinkFault(ErrorCode.UnknownAlias, $"alias {alias} was not declared on this lane");
    }

    /// <summary>The topic that an alias stands for at the moment; null when it is unknown.</summary>
    public Topic? Peek(uint alias) => alias < (uint)_aliases.Length ? _aliases[alias] : null;

    /// <summary>Takes a TOPIC frame in.</summary>
    public LinkFault Declare(ReadOnlySpan<byte> frame)
    {
        if (TopicFrame.TryRead(frame, out TopicFrame declared) != ErrorCode.None
            || declared.Alias > (uint)mesh.Options.MaxAliases)
        {
            return LinkFault.Malformed("a TOPIC frame that breaks its layout, or with an alias above the limit");
        }

        uint alias = declared.Alias;
        if (alias >= (uint)_aliases.Length)
        {
            Array.Resize(ref _aliases, (int)Math.Min((uint)mesh.Options.MaxAliases + 1, Math.Max(16, alias * 2)));
        }

        if (_aliases[alias] is { } former)
        {
            Ledger.AliasBytes -= AliasOverheadBytes + former.Utf8.Length;
            _aliases[alias] = null;
        }

        _badAliases?.Remove(alias);
        if (TopicName.Validate(declared.Topic) != TopicError.None)
        {
            // The sender's mistake about one topic does not end the link; what uses the alias is refused and counted.
            (_badAliases ??= []).Add(alias);
            return LinkFault.None;
        }

        Ledger.AliasBytes += AliasOverheadBytes + declared.Topic.Length;
        if (Ledger.AliasBytes > mesh.Options.MaxAliasBytesPerPeer)
        {
            return new LinkFault(
                ErrorCode.OverLimit, $"topic aliases hold more than {mesh.Options.MaxAliasBytesPerPeer} bytes");
        }

        _aliases[alias] = mesh.Router.Intern(declared.Topic);
        return LinkFault.None;
    }
}
