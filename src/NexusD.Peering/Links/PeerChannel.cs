using System.Net;
using NexusD.Loops;
using NexusD.Protocol;
using NexusD.Routing;

namespace NexusD.Peering.Links;

/// <summary>
/// What this node has with one process of a peer, whichever link carries it at the moment and also while none does: the
/// peer's interest, the lanes to it with what it has not acknowledged, and how far its own lanes were read.
/// </summary>
/// <remarks>
/// <para>Stages: <b>linked</b> while a link is up; <b>held</b> after it is lost: runs for the last known interest are
/// queued within the link's byte budget; <b>counting</b> after <see cref="MeshOptions.LinkHold"/>: they are dropped and
/// counted, so that the peer can be told when it is there again; <b>ended</b> when the process is known to be gone, has
/// left in order, or was away for <see cref="MeshOptions.ForgetAfter"/>.</para>
/// <para>A new link goes on where the last one stood (<c>.Resume</c>): each side tells how much of each lane it has
/// routed, and the other sends from there. Nothing is lost or comes twice, whatever the links went through.</para>
/// <para>Parts: this file is the life, <c>.Send</c> runs out, <c>.Resume</c> acknowledgement and replay,
/// <c>.Loss</c> what is given up, <c>.Quiet</c> whether groups may count on it.</para>
/// </remarks>
internal sealed partial class PeerChannel : DeliveryTarget, ILoopFlush
{
    private readonly MeshContext _mesh;
    private readonly LinkLedger _ledger = new();
    private ChannelStage _stage = ChannelStage.Held;
    private long _downSinceNs = long.MaxValue;
    private bool _isRouted;
    private bool _wantsNoMore;

    public PeerChannel(MeshContext mesh, NodeId peer)
    {
        _mesh = mesh;
        PeerId = peer;
        OwnRun = mesh.Tick();
        Interest = new InterestReceiver(mesh, this, peer);
        _limit = mesh.Options.LinkQueueBytes;
        _budget = mesh.Pool.Budget;
        _lanes = new LaneSet(this, mesh.Pool, mesh.Options);
    }

    public NodeId PeerId { get; }

    public string PeerName { get; private set; } = "";

    public string PeerVersion { get; private set; } = "";

    /// <summary>Where the peer listens; null when it does not tell.</summary>
    public IPEndPoint? MeshAddress { get; private set; }

    /// <summary>What the peer wants, as last told.</summary>
    public InterestReceiver Interest { get; }

    public LinkLedger Ledger => _ledger;

    /// <summary>The link that carries the channel; null while there is none.</summary>
    public PeerLink? Link { get; private set; }

    public ChannelStage Stage => _stage;

    /// <summary>Whether runs come here; not any more when the peer or this node is leaving.</summary>
    public bool IsRouted => _isRouted;

    /// <summary>Whether the peer is still to get something, and may be there again soon.</summary>
    public bool HoldsEvents => _stage is ChannelStage.Linked or ChannelStage.Held && !IsDrained;

    /// <summary>When the last link was lost; <see cref="long.MaxValue"/> while lanes flow.</summary>
    public long DownSinceNs => _downSinceNs;

    /// <summary>Figures of the channel while no link carries it.</summary>
    public LinkSnapshot GetSnapshot() => new()
    {
        Id = 0,
        NodeId = PeerId.ToString(),
        NodeName = PeerName,
        Version = PeerVersion,
        Address = MeshAddress?.ToString() ?? "",
        MeshAddress = MeshAddress?.ToString() ?? "",
        State = LinkState.Down,
        Dialed = false,
        UpSeconds = 0,
        RttMicroseconds = 0,
        InterestCount = Interest.WantsEverything ? -1 : Interest.Count,
        GroupMembers = Interest.Members,
        EventsIn = _ledger.EventsIn,
        EventsOut = _ledger.EventsOut,
        BytesIn = _ledger.BytesIn,
        BytesOut = _ledger.BytesOut,
        QueuedBytes = QueuedBytes + WaitingBytes(),
        DroppedLinkFull = _ledger.DroppedLinkFull,
        DroppedTooLarge = _ledger.DroppedTooLarge,
        DroppedLinkLost = _ledger.DroppedLinkLost,
        DroppedLinkDown = _ledger.DroppedLinkDown,
        DroppedMemory = _ledger.DroppedMemory,
        PacketsLost = 0,
    };

    /// <summary>Whether a link shows the limits of the one before, as the same process does.</summary>
    public bool Knows(PeerLink link) => PeerName.Length == 0 || link.Limits == _limits;

    /// <summary>
    /// A link is up. From here on the former one, which is returned, is neither read nor written; lanes flow when the
    /// peer has told where (<see cref="Resume"/>).
    /// </summary>
    public PeerLink? Attach(PeerLink link)
    {
        PeerLink? former = Link;
        Disconnect();
        if (PeerName.Length == 0)
        {
            _aliases = new AliasTable((int)Math.Min(link.Limits.MaxAliases, ProtocolLimits.DefaultMaxAliases));
            _limits = link.Limits;
        }

        Link = link;
        PeerName = link.PeerName;
        PeerVersion = link.PeerVersion;
        MeshAddress = link.MeshAddress;
        if (!_isRouted && !_wantsNoMore)
        {
            _isRouted = true;
            _mesh.Router.AddPeer(this);
        }

        Interest.Restart();
        return former;
    }

    /// <summary>The link is lost; the peer may come back.</summary>
    public void Detach()
    {
        Disconnect();
        _mesh.Router.SetAvailable(this, false);
        if (_stage == ChannelStage.Linked)
        {
            _stage = ChannelStage.Held;
        }

        if (_downSinceNs == long.MaxValue)
        {
            _downSinceNs = _mesh.Loop.NowNs;
        }
    }

    /// <summary>The peer or this node is leaving: nothing more is for it, on this link or another one.</summary>
    public void StopForwarding()
    {
        _isRouted = false;
        _wantsNoMore = true;
        _mesh.Router.RemovePeer(this);
    }

    /// <summary>Does what is due; returns when to call again.</summary>
    public long Tick(long nowNs)
    {
        if (_downSinceNs == long.MaxValue)
        {
            return long.MaxValue;
        }

        long holdNs = _mesh.Options.LinkHold.Ticks * 100;
        if (_stage == ChannelStage.Held && Link is null && nowNs - _downSinceNs >= holdNs)
        {
            StopHolding();
        }

        if (Link is null)
        {
            Trim();
        }

        // A peer that said that it leaves comes back only for what it has to send, and not for long.
        long forgetNs = _wantsNoMore ? holdNs : Math.Max(holdNs, _mesh.Options.ForgetAfter.Ticks * 100);
        IsForgotten = Link is null && nowNs - _downSinceNs >= forgetNs;
        return _downSinceNs + (_stage == ChannelStage.Held ? holdNs : forgetNs);
    }

    /// <summary>The peer was away for so long that it is not waited for any more.</summary>
    public bool IsForgotten { get; private set; }

    /// <summary>
    /// The process is gone, or this node is. What it has not acknowledged is counted by why it did not get there.
    /// </summary>
    /// <returns>How many events were given up.</returns>
    public long End(DropReason unsent)
    {
        if (_stage == ChannelStage.Ended)
        {
            return 0;
        }

        Disconnect();
        long before = _ledger.DroppedLinkLost + _ledger.DroppedLinkDown;
        CountHeld(unsent);
        _stage = ChannelStage.Ended;
        StopForwarding();
        foreach (LaneWriter lane in _lanes.Open)
        {
            lane.Journal.Restart();
            lane.Stream.Discard();
        }

        ForgetIncoming();
        return _ledger.DroppedLinkLost + _ledger.DroppedLinkDown - before;
    }

    private void Disconnect()
    {
        foreach (LaneWriter lane in _lanes.Open)
        {
            lane.Journal.Disconnect();
        }

        foreach (IncomingLane? lane in _incoming)
        {
            if (lane is not null)
            {
                lane.Reader = null;
            }
        }

        IsFlowing = false;
        Link = null;
    }
}

/// <summary>Where in its life a channel is.</summary>
internal enum ChannelStage
{
    /// <summary>A link is up.</summary>
    Linked,

    /// <summary>No link is up; what the peer wants is queued.</summary>
    Held,

    /// <summary>No link is up for too long; what the peer wants is dropped and counted.</summary>
    Counting,

    /// <summary>The peer's process is gone.</summary>
    Ended,
}
