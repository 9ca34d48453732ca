using NexusD.Protocol;
using NexusD.Protocol.Peer;
using NexusD.Routing.Retained;

namespace NexusD.Peering.Links;

/// <summary>
/// Keeps the retained stores of two nodes the same: tells the own digest, and when the peer's differs finds out what
/// the peer has that is newer and asks for it (peer-v1.md, "Retained repair"). The peer does the same for itself.
/// </summary>
/// <remarks>
/// <para>Groups whose digests differ, then leaves, then lists of some leaves at a time, then the entries that are
/// newer. One question at a time; each step looks at the own store as it is then, so that what another link brought
/// meanwhile is not asked for.</para>
/// <para>A difference that a whole comparison did not mend (this node's budget, its clock, entries that only it has) is
/// remembered by its digest, own XOR peer's, which writes on both sides leave as it is. While it stands nothing is
/// asked. Beside this each comparison that brought nothing doubles the pause before the next, up to <see
/// cref="LongestPauseNs"/>: while both sides write, digests always differ by what is under way. A store that has
/// come to rest looks again as soon as the pause is over and does not wait to be told once more.</para>
/// </remarks>
internal sealed class RetainedSync(MeshContext mesh, StreamWriter control, Func<long> backlog, Action<long> wakeBy)
{
    private const long LongestPauseNs = 60_000_000_000;

    /// <summary>An answer that does not go on for so long holds up no other link.</summary>
    private const long StallNs = 2_000_000_000;

    /// <summary>How soon a link that waits for its turn looks again.</summary>
    private const long TurnPollNs = 20_000_000;

    /// <summary>A difference that this node's clock or budget causes is looked at again after so long.</summary>
    private const long AgainNs = 30_000_000_000;

    /// <summary>Own entries that are compared with lists at a time; more only if one leaf has more.</summary>
    private const int MostCompared = 4_096;

    private const int FirstBatch = 256;
    private const int FirstBatchWhenFull = 16;

    private readonly long _settleNs = mesh.Options.SettleTime.Ticks * 100;
    private readonly long _repairNs = mesh.Options.RepairInterval.Ticks * 100;
    private readonly RetainedAnswer _answer = new(mesh, control, backlog);
    private readonly List<int> _groups = [];
    private readonly List<(int Leaf, ulong Told)> _leaves = [];
    private readonly Dictionary<ulong, RetainedListItem> _own = [];
    private readonly List<RetainedListItem> _scratch = [];
    private readonly List<ulong> _wanted = [];
    private Step _step;
    private ulong _peerDigest;
    private uint _peerCount;
    private bool _hasTurn;
    private bool _waitsForTurn;
    private int _leavesDone;
    private int _wantedDone;
    private int _batch;
    private int _taken;
    private int _noRoom;
    private int _ahead;
    private bool _isCut;
    private ulong _knownDifference;
    private long _knownUntilNs = long.MaxValue;
    private ulong _seenDigest;
    private long _stateDueNs = long.MaxValue;
    private long _settledNs = long.MaxValue;
    private long _changedNs;
    private long _heardNs;
    private long _askNotBeforeNs = long.MinValue;
    private long _pauseNs;

    private enum Step
    {
        None,
        Whole,
        Groups,
        Leaves,
        Lists,
        Events,
    }

    private RetainedStore Store => mesh.Router.Retained;

    private RetainedTurns Turns => mesh.RetainedTurns;

    /// <summary>The link is up.</summary>
    public void Start() => SendState(mesh.Loop.NowNs);

    /// <summary>The link is gone.</summary>
    public void Stop()
    {
        _step = Step.None;
        _waitsForTurn = false;
        GiveTurnBack();
    }

    /// <summary>The peer told its digest.</summary>
    public void ReadState(in RetainedStateFrame state)
    {
        _peerDigest = state.Digest;
        _peerCount = state.Count;
        if (_step == Step.None)
        {
            _waitsForTurn = Differs(mesh.Loop.NowNs);
            TryBegin(mesh.Loop.NowNs);
        }
    }

    /// <summary>The peer asked for everything.</summary>
    public LinkFault ReadRequest() => Answer(_answer.ReadRequest());

    /// <summary>The peer asks something, or tells a part of an answer.</summary>
    public LinkFault ReadDigests(in RetainedDigestsFrame frame)
    {
        switch (frame.Kind)
        {
            case RetainedDigestsKind.Groups when _step == Step.Groups:
                ReadGroups(frame);
                break;
            case RetainedDigestsKind.Leaves when _step == Step.Leaves:
                ReadLeaves(frame);
                break;
            case RetainedDigestsKind.List when _step == Step.Lists:
                ReadList(frame);
                break;
            case RetainedDigestsKind.Groups or RetainedDigestsKind.Leaves or RetainedDigestsKind.List:
                return new LinkFault(ErrorCode.OutOfOrder, "digests of retained events that were not asked for");
            default:
                return Answer(_answer.Read(frame));
        }

        _heardNs = mesh.Loop.NowNs;
        return LinkFault.None;
    }

    /// <summary>What became of an entry that the peer sent.</summary>
    public void Count(RetainedOutcome outcome)
    {
        _heardNs = mesh.Loop.NowNs;
        switch (outcome)
        {
            case RetainedOutcome.Kept or RetainedOutcome.KeptExpired:
                _taken++;
                mesh.Counters.RetainedRepaired++;
                break;
            case RetainedOutcome.Refused:
                _noRoom++;
                break;
            case RetainedOutcome.TooFarAhead:
                _ahead++;
                break;
        }
    }

    /// <summary>An answer of the peer is complete.</summary>
    public void ReadEnd(in RetainedStateFrame state)
    {
        if (_step == Step.None)
        {
            return;
        }

        _peerDigest = state.Digest;
        _peerCount = state.Count;
        _heardNs = mesh.Loop.NowNs;
        switch (_step)
        {
            case Step.Groups when _groups.Count > 0:
                _step = Step.Leaves;
                AskNumbers(RetainedDigestsKind.AskLeaves, _groups);
                break;
            case Step.Leaves:
                BeginLists();
                AskLists();
                break;
            case Step.Lists or Step.Events:
                AskEvents();
                break;
            default:
                Finish();
                break;
        }
    }

    /// <summary>Sends on when the peer has taken what it got.</summary>
    public void Continue()
    {
        _answer.Continue();
        if (_answer.IsBusy && backlog() == 0)
        {
            // Nothing is under way that could come back as progress.
            wakeBy(mesh.Loop.NowNs);
        }
    }

    /// <summary>Does what is due; returns when to call again.</summary>
    public long Tick(long nowNs)
    {
        Continue();
        if (Store.Digest != _seenDigest)
        {
            _seenDigest = Store.Digest;
            _changedNs = nowNs;
            _settledNs = nowNs + _settleNs;
        }

        if (nowNs >= Math.Min(_stateDueNs, _settledNs))
        {
            SendState(nowNs);
        }

        if (_step == Step.None && IsAtRest(nowNs))
        {
            _waitsForTurn |= Differs(nowNs);
        }

        if (_hasTurn && nowNs - _heardNs > StallNs)
        {
            GiveTurnBack();
        }

        TryBegin(nowNs);
        long due = Math.Min(_stateDueNs, _settledNs);
        return _waitsForTurn ? Math.Min(due, nowNs + TurnPollNs) : due;
    }

    private LinkFault Answer(in LinkFault fault)
    {
        if (!fault.IsFault)
        {
            Continue();
        }

        return fault;
    }

    /// <summary>Whether the peer has something that this node does not know to be beyond mending.</summary>
    private bool Differs(long nowNs)
    {
        ulong difference = _peerDigest ^ Store.Digest;
        if (difference == 0)
        {
            _pauseNs = 0;
            _askNotBeforeNs = long.MinValue;
        }

        bool isKnown = difference == _knownDifference && nowNs < _knownUntilNs;
        return difference != 0 && !isKnown && _peerCount > 0 && nowNs >= _askNotBeforeNs;
    }

    private bool IsAtRest(long nowNs) => Store.Digest == _seenDigest && nowNs - _changedNs >= _settleNs;

    private void TryBegin(long nowNs)
    {
        if (!_waitsForTurn)
        {
            return;
        }

        if (!Differs(nowNs))
        {
            _waitsForTurn = false; // another link has brought it
            return;
        }

        if (!Turns.TryBegin(Store.Count == 0))
        {
            wakeBy(nowNs + TurnPollNs);
            return;
        }

        _hasTurn = true;
        _waitsForTurn = false;
        _heardNs = nowNs;
        _batch = Store.HasRoomForMore ? FirstBatch : FirstBatchWhenFull;
        _taken = 0;
        _noRoom = 0;
        _ahead = 0;
        _isCut = false;
        _groups.Clear();
        _leaves.Clear();
        mesh.Counters.RetainedRepairs++;
        if (Store.Count == 0)
        {
            _step = Step.Whole;
            Protocol.Frames.EmptyFrame.Write(control.Reserve(FrameHeader.Size), PeerFrameKind.RetainedRequest);
            return;
        }

        _step = Step.Groups;
        AskNumbers(RetainedDigestsKind.AskGroups, []);
    }

    private void ReadGroups(in RetainedDigestsFrame frame)
    {
        _groups.Clear();
        for (int group = 0; group < RetainedDigestsFrame.Groups; group++)
        {
            if (frame.U64(group) != Store.GroupDigest(group))
            {
                _groups.Add(group);
            }
        }
    }

    private void ReadLeaves(in RetainedDigestsFrame frame)
    {
        for (int i = 0; i < RetainedDigestsFrame.LeavesPerGroup; i++)
        {
            int leaf = (frame.Group * RetainedDigestsFrame.LeavesPerGroup) + i;

            // 0 is what a leaf without entries has: there is nothing to get.
            if (frame.U64(i) != Store.LeafDigest(leaf) && frame.U64(i) != 0
                && _leaves.Count < RetainedDigestsFrame.Leaves)
            {
                _leaves.Add((leaf, frame.U64(i)));
            }
        }
    }

    /// <summary>Comparisons that run on several links at once begin at different places and meet in the end.</summary>
    private void BeginLists()
    {
        _leavesDone = 0;
        int start = _leaves.Count / 4 * (Turns.Serial % 4);
        _leaves.AddRange(_leaves[..start]);
        _leaves.RemoveRange(0, start);
    }

    private void AskLists()
    {
        _own.Clear();
        _wanted.Clear();
        _wantedDone = 0;
        var asked = new List<int>(RetainedDigestsFrame.MostLists);
        while (_leavesDone < _leaves.Count && asked.Count < RetainedDigestsFrame.MostLists && _own.Count < MostCompared)
        {
            (int leaf, ulong told) = _leaves[_leavesDone++];
            if (Store.LeafDigest(leaf) != told)
            {
                asked.Add(leaf);
                Remember(leaf);
            }
        }

        if (asked.Count == 0)
        {
            Finish();
            return;
        }

        _step = Step.Lists;
        AskNumbers(RetainedDigestsKind.AskLists, asked);
    }

    private void Remember(int leaf)
    {
        _scratch.Clear();
        Store.Describe(leaf, _scratch);
        foreach (RetainedListItem item in _scratch)
        {
            _own[item.TopicHash] = item;
        }
    }

    private void ReadList(in RetainedDigestsFrame frame)
    {
        for (int i = 0; i < frame.Count; i++)
        {
            RetainedListItem item = frame.Item(i);
            bool isKnown = _own.TryGetValue(item.TopicHash, out RetainedListItem own);
            if (isKnown && (own.Digest == item.Digest || own.Timestamp > item.Timestamp))
            {
                continue;
            }

            // A store at its budget goes on to follow the topics that it has.
            bool hasNoRoom = !isKnown && (!Store.HasRoomForMore || _noRoom >= FirstBatchWhenFull);
            if (hasNoRoom)
            {
                _noRoom++;
            }
            else if (_wanted.Count < MostCompared * 4)
            {
                _wanted.Add(item.TopicHash);
            }
            else
            {
                _isCut = true;
            }
        }
    }

    private void AskEvents()
    {
        int count = Math.Min(_wanted.Count - _wantedDone, _batch);
        if (count <= 0)
        {
            AskLists();
            return;
        }

        _step = Step.Events;
        const RetainedDigestsKind Kind = RetainedDigestsKind.AskEvents;
        Span<byte> frame = control.Reserve(RetainedDigestsFrame.BytesOf(Kind, count));
        RetainedDigestsFrame.WriteHeader(frame, Kind, count);
        for (int i = 0; i < count; i++)
        {
            RetainedDigestsFrame.PutU64(frame, i, _wanted[_wantedDone++]);
        }

        _batch = _noRoom > 0
            ? FirstBatchWhenFull
            : Math.Min(_batch * 2, RetainedDigestsFrame.MostEvents);
    }

    private void AskNumbers(RetainedDigestsKind kind, List<int> numbers)
    {
        Span<byte> frame = control.Reserve(RetainedDigestsFrame.BytesOf(kind, numbers.Count));
        RetainedDigestsFrame.WriteHeader(frame, kind, numbers.Count);
        for (int i = 0; i < numbers.Count; i++)
        {
            RetainedDigestsFrame.PutU16(frame, i, numbers[i]);
        }
    }

    private void Finish()
    {
        long nowNs = mesh.Loop.NowNs;
        _step = Step.None;
        GiveTurnBack();
        _own.Clear();
        _own.TrimExcess();
        _leaves.Clear();
        _leaves.TrimExcess();
        _wanted.Clear();
        _wanted.TrimExcess();
        bool mayChange = _ahead > 0 || _noRoom > 0;
        long firstPauseNs = mayChange ? _repairNs : Math.Min(2 * _settleNs, _repairNs);
        _pauseNs = _taken > 0 ? 0 : Math.Clamp(_pauseNs * 2, firstPauseNs, LongestPauseNs);
        _askNotBeforeNs = nowNs + _pauseNs;
        wakeBy(_askNotBeforeNs);
        if (!_isCut)
        {
            _knownDifference = _peerDigest ^ Store.Digest;
            _knownUntilNs = !mayChange || (_noRoom > 0 && !Store.HasRoomForMore) ? long.MaxValue : nowNs + AgainNs;
        }
    }

    private void GiveTurnBack()
    {
        if (_hasTurn)
        {
            _hasTurn = false;
            Turns.End();
        }
    }

    private void SendState(long nowNs)
    {
        _stateDueNs = nowNs + _repairNs;
        _settledNs = nowNs >= _settledNs ? long.MaxValue : _settledNs;
        _seenDigest = Store.Digest;
        new RetainedStateFrame(Store.Digest, (uint)Store.Count, isEnd: false)
            .Write(control.Reserve(RetainedStateFrame.FrameBytes));
    }
}
