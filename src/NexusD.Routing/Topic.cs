using System.Text;
using NexusD.Protocol;
using NexusD.Protocol.Topics;
using NexusD.Routing.Groups;
using NexusD.Routing.Topics;

namespace NexusD.Routing;

/// <summary>A topic name that the router knows, and the route that was found for it last.</summary>
/// <remarks>
/// Made by <see cref="Router.Intern"/>, which gives the same object for the same name as long as the name is in the
/// router's bounded table. An object that had to leave the table stays usable for whoever holds it: the router finds
/// the object that took its place. So two objects may bear one name; compare names where that matters.
/// Everything but the name belongs to the router's thread.
/// </remarks>
public sealed partial class Topic : IEvictable
{
    /// <summary>Value of <see cref="RouteVersion"/> when no route is held; no version ever has it.</summary>
    internal const long NoRoute = -1;

    private readonly byte[] _utf8;
    private string? _text;

    internal Topic(ReadOnlySpan<byte> utf8, uint hash)
    {
        _utf8 = utf8.ToArray();
        Hash = hash;
        Cells = RouteVersions.CellsOf(_utf8, hash);
    }

    /// <summary>The name, valid by docs/protocol/topics.md.</summary>
    public ReadOnlySpan<byte> Utf8 => _utf8;

    /// <summary>The name as memory, for those who keep it.</summary>
    public ReadOnlyMemory<byte> Utf8Memory => _utf8;

    /// <summary>The name as text; decoded once, when first asked for.</summary>
    public string Text => _text ??= Encoding.UTF8.GetString(_utf8);

    /// <summary>True for topics of the system (<c>$...</c>), which no wildcard in the first level matches.</summary>
    public bool IsSystem => TopicName.IsSystem(_utf8);

    /// <inheritdoc/>
    public override string ToString() => Text;

    /// <summary>
    /// What every event that this node accepts on the topic gets beside its own flags: retain or nothing (<see
    /// cref="RouterOptions.RetainTopics"/>).
    /// </summary>
    public RunFlags OwnFlags { get; internal set; }

    internal uint Hash { get; }

    /// <summary>Which version counters a change has to move to touch this topic.</summary>
    internal readonly VersionCells Cells;

    /// <summary>
    /// Sum of the version counters when <see cref="Entries"/> was resolved, or <see cref="NoRoute"/>.
    /// </summary>
    internal long RouteVersion = NoRoute;

    /// <summary>Number of the last change of any subscription up to which the route was seen to hold.</summary>
    internal long HeldAt = NoRoute;

    /// <summary>
    /// The route: first <see cref="LocalCount"/> subscriptions of this node, then links, up to <see
    /// cref="EntryCount"/>.
    /// </summary>
    internal RouteEntry[] Entries = [];

    /// <summary>The groups that want the topic; null for none. Part of the route.</summary>
    internal GroupRoute[]? Groups;

    internal int LocalCount;

    internal int EntryCount;

    /// <inheritdoc/>
    bool IEvictable.IsPinned => false;

    /// <inheritdoc/>
    bool IEvictable.WasUsed
    {
        get => WasUsed;
        set => WasUsed = value;
    }

    /// <inheritdoc/>
    int IEvictable.RingIndex
    {
        get => RingIndex;
        set => RingIndex = value;
    }

    internal bool WasUsed;

    /// <summary>The last events; null: none are kept.</summary>
    internal Recovery.RecoveryRing? Ring;

    /// <summary>Place in the table; -1: not in it.</summary>
    internal int RingIndex = -1;
}
