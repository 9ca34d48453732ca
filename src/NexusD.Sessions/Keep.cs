using NexusD.Protocol.Topics;

namespace NexusD.Sessions;

/// <summary>What makes a subscription outlive its connection (docs/protocol/app-v1.md "Keeping").</summary>
/// <param name="token">Its name, a secret between daemon and client.</param>
/// <param name="milliseconds">How long it is kept.</param>
/// <param name="filters">Its filters but those of groups.</param>
/// <param name="groups">Those of groups.</param>
internal sealed class Keep(
    UInt128 token, uint milliseconds, TopicFilter[] filters, IReadOnlyList<GroupFilter> groups)
{
    public UInt128 Token => token;

    public uint Milliseconds { get; set; } = milliseconds;

    /// <summary>When it ends unless somebody comes, in loop time; 0: it is in use.</summary>
    public long DueNs { get; set; }

    /// <summary>Since when nothing is sent to anybody, in loop time.</summary>
    public long SinceNs { get; set; }

    /// <summary>When what waits is offered to other members of its groups, in loop time; 0: never.</summary>
    public long OfferNs { get; set; }

    /// <summary>Whether its client asked it to wait.</summary>
    public bool IsPaused { get; set; }

    /// <summary>Whether it has no connection.</summary>
    public bool IsDetached { get; set; }

    /// <summary>Bytes that are counted for it while it has no connection.</summary>
    public long CountedBytes { get; set; }

    /// <summary>Whose it was last.</summary>
    public KeptOwner Owner { get; set; }

    /// <summary>Whether somebody asks for the same events, in any order of filters.</summary>
    public bool HasSameFilters(List<TopicFilter> others, List<GroupFilter> otherGroups)
    {
        var mine = new HashSet<string>(filters.Select(filter => filter.ToString()));
        mine.UnionWith(groups.Select(group => group.ToString()));
        var theirs = new HashSet<string>(others.Select(filter => filter.ToString()));
        theirs.UnionWith(otherGroups.Select(group => group.ToString()));
        return mine.SetEquals(theirs);
    }
}
