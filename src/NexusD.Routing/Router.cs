using System.Diagnostics;
using System.Text;
using NexusD.Buffers;
using NexusD.Protocol;
using NexusD.Protocol.Topics;
using NexusD.Routing.Groups;
using NexusD.Routing.Interest;
using NexusD.Routing.Publishers;
using NexusD.Routing.Queues;
using NexusD.Routing.Recovery;
using NexusD.Routing.Retained;
using NexusD.Routing.Topics;
using NexusD.Routing.Trie;

namespace NexusD.Routing;

/// <summary>
/// The heart of a node: takes runs of events from this node's publishers and from peers and hands each to those who
/// want it.
/// </summary>
/// <remarks>
/// <para><b>What it may see.</b> Topics and frame constants (Protocol) and memory (Buffers). No sockets, no clock, no
/// tasks, no frames: time is passed in, and targets are whatever derives from <see cref="DeliveryTarget"/>.</para>
/// <para><b>The one-hop rule</b> is visible in which trie is searched: <see cref="Publish"/> searches both,
/// <see cref="PublishFromPeer(in EventRun)"/> only that of local subscriptions.</para>
/// <para><b>Threads.</b> Everything is called on one thread, the router's owner's. Statistics may be read from
/// any.</para>
/// <para><b>Invariants.</b> A run is delivered to a target at most once, however many of its filters match. A route is
/// used only if its version is that of its topic (<see cref="RouteVersions"/>); only topics in the table hold one, and
/// all of them together hold at most <see cref="RouterOptions.MaxRouteEntries"/> targets. A publish with a valid route
/// allocates nothing.</para>
/// </remarks>
public sealed partial class Router
{
    private readonly RouterOptions _options;
    private readonly TopicTable _topics;
    private readonly RouteVersions _versions = new();
    private readonly TopicTrie _subscriptions = new();
    private readonly TopicTrie _interests = new();
    private readonly SlotList _localTargets = new();
    private readonly List<DeliveryTarget> _links = [];
    private readonly List<DeliveryTarget> _wantEverything = [];

    /// <param name="options">Bounds.</param>
    /// <param name="pool">Where the queues made by <see cref="CreateQueue"/> rent their memory.</param>
    public Router(RouterOptions options, SlabPool pool)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxTopics, 16);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxRouteEntries, 16);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxPublishers, 16);
        _options = options;
        _topics = new TopicTable(options.MaxTopics);
        _groups = new GroupTable(options.NodeId, _versions);
        Pool = pool;
        Retained = new RetainedStore(options.MaxRetainedEvents, options.MaxRetainedBytes);
        LocalInterest = new LocalInterest(_subscriptions, _groups);
        Publishers = new PublisherTable(options.MaxPublishers);
        Recovery = options.RecoveryEvents > 0 && options.MaxRecoveryBytes > 0
            ? new RecoveryRings(options.RecoveryEvents, options.MaxRecoveryBytes)
            : null;
        pool.Budget.Join(this);
    }

    /// <summary>Where queues rent their memory.</summary>
    public SlabPool Pool { get; }

    /// <summary>The retained events of all topics.</summary>
    public RetainedStore Retained { get; }

    /// <summary>Hears of events that queues made from now on drop.</summary>
    public ILossListener? LossListener { get; set; }

    /// <summary>What this node's subscriptions want; what peers are told.</summary>
    public LocalInterest LocalInterest { get; }

    /// <summary>The publishers seen lately.</summary>
    public PublisherTable Publishers { get; }

    /// <summary>The topic of a name that was validated (<see cref="TopicName.Validate"/>).</summary>
    public Topic Intern(ReadOnlySpan<byte> validName)
    {
        if (_topics.TryGet(validName, out Topic? topic))
        {
            topic.WasUsed = true;
            return topic;
        }

        topic = new Topic(validName, LevelHash.Compute(validName));
        foreach (TopicFilter filter in _options.RetainTopics)
        {
            topic.OwnFlags |= filter.Matches(validName) ? RunFlags.Retain : RunFlags.None;
        }

        Enter(topic);
        return topic;
    }

    /// <summary>A queue for a subscription, with drops told in the name of this node.</summary>
    public SubscriptionQueue CreateQueue(QueueSettings settings) =>
        new(settings, Pool, _options.NodeName, LossListener);

    /// <summary>Lets a target have the events that match a filter.</summary>
    /// <returns>False when it has that filter already.</returns>
    public bool Subscribe(DeliveryTarget target, TopicFilter filter)
    {
        if (target.IsLink)
        {
            throw new ArgumentException("a link tells interest, it does not subscribe", nameof(target));
        }

        if (!_subscriptions.Add(target, filter.Canonical, out bool isFirst))
        {
            return false;
        }

        _localTargets.Add(target);
        _versions.Change(filter.Canonical);
        if (isFirst)
        {
            LocalInterest.Added(filter);
        }

        return true;
    }

    /// <summary>Undoes one <see cref="Subscribe"/>.</summary>
    /// <returns>False when the target does not have that filter.</returns>
    public bool Unsubscribe(DeliveryTarget target, TopicFilter filter)
    {
        if (target.IsLink || !_subscriptions.Remove(target, filter.Canonical, out bool wasLast))
        {
            return false;
        }

        _versions.Change(filter.Canonical);
        if (wasLast)
        {
            LocalInterest.Removed(filter);
        }

        ReleaseIfUnused(target);
        return true;
    }

    /// <summary>Takes all filters of a target away, as when its session ends.</summary>
    public void Unsubscribe(DeliveryTarget target)
    {
        if (target.IsLink || target.Slot < 0)
        {
            return;
        }

        _subscriptions.RemoveAll(target, _versions, LocalInterest.Removed);
        LeaveGroups(target);
        ReleaseIfUnused(target);
    }

    /// <summary>
    /// How many filters a subscription has and one of them as text, empty when there is none; for people to read.
    /// </summary>
    public static (int Count, string One) DescribeFilters(DeliveryTarget target)
    {
        string one = TopicTrie.AnyFilterOf(target) is { } filter ? Encoding.UTF8.GetString(filter) : string.Empty;
        if (target.Members is not { ById.Count: > 0 } members)
        {
            return (target.Memberships.Count, one);
        }

        one = one.Length > 0 ? one : members.ById.Values.First().Group.Filter.ToString();
        return (target.Memberships.Count + members.ById.Count, one);
    }

    /// <summary>A link is up: it gets retained events of every topic, and others once its interest is known.</summary>
    /// <exception cref="ArgumentException">The link was added before, or is a subscription.</exception>
    public void AddPeer(DeliveryTarget link)
    {
        if (link.Slot >= 0)
        {
            throw new ArgumentException("the target is known to the router already", nameof(link));
        }

        link.IsLink = true;
        link.Slot = _links.Count;
        _links.Add(link);
    }

    /// <summary>A link is down: it gets nothing any more and its interest is forgotten.</summary>
    public void RemovePeer(DeliveryTarget link)
    {
        if (!link.IsLink)
        {
            return;
        }

        ClearInterest(link);
        LeaveGroups(link);
        DeliveryTarget last = _links[^1];
        _links[link.Slot] = last;
        last.Slot = link.Slot;
        _links.RemoveAt(_links.Count - 1);
        link.Slot = -1;
        link.IsLink = false;
        GrantSweep();
    }

    /// <summary>A peer wants the events that match a filter.</summary>
    /// <returns>
    /// False when it said so before, which breaks the protocol. A link that wants everything takes any filter.
    /// </returns>
    public bool AddInterest(DeliveryTarget link, TopicFilter filter)
    {
        if (!link.IsLink)
        {
            throw new ArgumentException("only a link that was added has interest", nameof(link));
        }

        if (link.WantsEverything)
        {
            return true;
        }

        bool added = _interests.Add(link, filter.Canonical, out _);
        if (added)
        {
            _versions.Change(filter.Canonical);
        }

        return added;
    }

    /// <summary>A peer wants the events that match a filter no longer.</summary>
    /// <returns>False when it never wanted them, which breaks the protocol.</returns>
    public bool RemoveInterest(DeliveryTarget link, TopicFilter filter)
    {
        if (link.WantsEverything)
        {
            return true;
        }

        bool removed = link.IsLink && _interests.Remove(link, filter.Canonical, out _);
        if (removed)
        {
            _versions.Change(filter.Canonical);
        }

        return removed;
    }

    /// <summary>A peer has more filters than are kept: it gets every event until <see cref="ClearInterest"/>.</summary>
    public void AddInterestInEverything(DeliveryTarget link)
    {
        if (!link.IsLink || link.WantsEverything)
        {
            return;
        }

        ClearInterest(link);
        link.WantsEverything = true;
        _wantEverything.Add(link);
        _versions.ChangeAll();
    }

    /// <summary>Forgets what a peer wants, as its INTEREST with reset asks for.</summary>
    public void ClearInterest(DeliveryTarget link)
    {
        if (!link.IsLink)
        {
            return;
        }

        if (link.WantsEverything)
        {
            link.WantsEverything = false;
            _wantEverything.Remove(link);
            _versions.ChangeAll();
        }

        _interests.RemoveAll(link, _versions, null);
    }

    /// <summary>Checks the invariants of the router and its parts; walks everything.</summary>
    [Conditional("DEBUG")]
    public void AssertInvariants()
    {
        _subscriptions.AssertInvariants();
        _interests.AssertInvariants();
        Retained.AssertInvariants();
        long entries = 0;
        for (int i = 0; i < _topics.Count; i++)
        {
            Topic topic = _topics[i];
            entries += topic.Entries.Length;
            Debug.Assert(topic.RingIndex == i, "a topic does not know its place");
            Debug.Assert(topic.LocalCount <= topic.EntryCount, "a route has more local targets than targets");
            Debug.Assert(topic.EntryCount <= topic.Entries.Length, "a route is longer than its array");
        }

        Recovery?.AssertInvariants();
        Debug.Assert(entries == _cachedEntries, "the router lost count of the entries in routes");
        Debug.Assert(entries <= _options.MaxRouteEntries, "routes hold more entries than allowed");
    }

    private void ReleaseIfUnused(DeliveryTarget target)
    {
        if (target.Memberships.Count == 0 && target.Members is null)
        {
            _localTargets.Remove(target);
            GrantSweep();
        }
    }
}
