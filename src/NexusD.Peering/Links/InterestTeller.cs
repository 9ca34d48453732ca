using NexusD.Protocol.Peer;
using NexusD.Protocol.Topics;
using NexusD.Routing.Interest;

namespace NexusD.Peering.Links;

/// <summary>
/// Tells one peer what this node wants: a snapshot when the link comes up, changes as they come, and a digest by which
/// the peer notices when it has missed something (peer-v1.md, "INTEREST").
/// </summary>
/// <remarks>
/// Bounded: while more than <see cref="MostBacklogBytes"/> wait for the peer no changes are queued; when it has caught
/// up it gets a snapshot instead. Snapshots that a peer asks for are folded into one and kept apart by <see
/// cref="LeastSnapshotGapNs"/>, so that eight bytes cannot be turned into megabytes again and again.
/// </remarks>
internal sealed class InterestTeller(MeshContext mesh, StreamWriter control, Func<long> backlog)
{
    internal const long MostBacklogBytes = 16 * 1024 * 1024;

    /// <summary>A snapshot is sent when less than this waits.</summary>
    internal const long SnapshotBacklogBytes = 1024 * 1024;

    internal const long LeastSnapshotGapNs = 200_000_000;

    private readonly long _settleNs = mesh.Options.SettleTime.Ticks * 100;
    private readonly long _repairNs = mesh.Options.RepairInterval.Ticks * 100;
    private ulong _version;
    private bool _snapshotDue;
    private long _snapshotNotBeforeNs = long.MinValue;
    private long _stateDueNs = long.MaxValue;

    private LocalInterest Local => mesh.Router.LocalInterest;

    /// <summary>The link is up: tell everything.</summary>
    public void Start() => SendSnapshot(mesh.Loop.NowNs);

    /// <summary>The peer lost track.</summary>
    public void Request()
    {
        _snapshotDue = true;
        Tick(mesh.Loop.NowNs);
    }

    /// <summary>What changed in this turn.</summary>
    public void Tell(InterestBatch changes)
    {
        if (_snapshotDue)
        {
            return;
        }

        if (backlog() > MostBacklogBytes)
        {
            _snapshotDue = true;
            return;
        }

        Send(changes, reset: false);
        _stateDueNs = mesh.Loop.NowNs + _settleNs;
    }

    /// <summary>Does what is due; returns when to call again.</summary>
    public long Tick(long nowNs)
    {
        if (_snapshotDue && nowNs >= _snapshotNotBeforeNs && backlog() < SnapshotBacklogBytes)
        {
            SendSnapshot(nowNs);
        }
        else if (!_snapshotDue && nowNs >= _stateDueNs)
        {
            SendState(nowNs);
        }

        return _snapshotDue ? Math.Max(nowNs, _snapshotNotBeforeNs) + LeastSnapshotGapNs : _stateDueNs;
    }

    private void SendSnapshot(long nowNs)
    {
        _snapshotDue = false;
        _snapshotNotBeforeNs = nowNs + LeastSnapshotGapNs;
        var all = new InterestBatch(mesh.Pool);
        foreach (TopicFilter filter in Local.List())
        {
            all.Add(InterestChange.Add, filter);
        }

        foreach (LocalMember member in Local.ListMembers())
        {
            all.Add(InterestChange.Join, member);
        }

        Send(all, reset: true);
        all.Clear();
        SendState(nowNs);
    }

    private void Send(InterestBatch batch, bool reset)
    {
        if (batch.Count == 0)
        {
            SendFrame([], reset);
        }

        for (int i = 0; i < batch.Count; i++)
        {
            SendFrame(batch.Part(i), reset && i == 0);
        }
    }

    private void SendFrame(ReadOnlySpan<byte> entries, bool reset)
    {
        var frame = new InterestFrame { Reset = reset, Version = ++_version, Entries = entries };
        frame.Write(control.Reserve(frame.FrameBytes));
    }

    private void SendState(long nowNs)
    {
        _stateDueNs = nowNs + _repairNs;
        var state = new InterestStateFrame(_version, Local.Digest, (uint)Local.Count);
        state.Write(control.Reserve(InterestStateFrame.FrameBytes));
    }
}
