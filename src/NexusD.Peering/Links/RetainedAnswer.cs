using NexusD.Protocol;
using NexusD.Protocol.Peer;
using NexusD.Routing.Retained;

namespace NexusD.Peering.Links;

/// <summary>
/// Answers a peer's questions about the retained store: digests, lists, entries (peer-v1.md, "Retained repair"). One at
/// a time, as fast as the peer takes it.
/// </summary>
/// <remarks>
/// Invariants: at most <see cref="MostBacklogBytes"/> wait on the link, one leaf is taken out of the store at a time,
/// and a call of <see cref="Continue"/> looks at a bounded part of the store: what a peer asks costs it as much.
/// </remarks>
internal sealed class RetainedAnswer(MeshContext mesh, StreamWriter control, Func<long> backlog)
{
    internal const long MostBacklogBytes = 2 * 1024 * 1024;

    private const int BytesPerTurn = 512 * 1024;

    /// <summary>What looking at an entry counts, in bytes of <see cref="BytesPerTurn"/>.</summary>
    private const int BytesPerLook = 32;

    private readonly List<int> _leaves = [];
    private readonly List<RetainedEvent> _entries = [];
    private readonly List<RetainedListItem> _items = [];
    private HashSet<ulong>? _wanted;
    private bool _lists;
    private int _nextLeaf;
    private int _nextEntry;

    /// <summary>A question was not answered to its end yet.</summary>
    public bool IsBusy { get; private set; }

    private RetainedStore Store => mesh.Router.Retained;

    /// <summary>The peer asked for everything (RETAINED_REQUEST).</summary>
    public LinkFault ReadRequest()
    {
        if (IsBusy)
        {
            return AskedTwice();
        }

        Begin();
        _leaves.AddRange(Enumerable.Range(0, RetainedDigestsFrame.Leaves));
        return LinkFault.None;
    }

    /// <summary>The peer asked by RETAINED_DIGESTS.</summary>
    public LinkFault Read(in RetainedDigestsFrame question)
    {
        if (IsBusy)
        {
            return AskedTwice();
        }

        Begin();
        switch (question.Kind)
        {
            case RetainedDigestsKind.AskGroups:
                WriteDigests(RetainedDigestsKind.Groups, 0);
                break;
            case RetainedDigestsKind.AskLeaves:
                for (int i = 0; i < question.Count; i++)
                {
                    WriteDigests(RetainedDigestsKind.Leaves, question.U16(i));
                }

                break;
            case RetainedDigestsKind.AskLists:
                _lists = true;
                for (int i = 0; i < question.Count; i++)
                {
                    _leaves.Add(question.U16(i));
                }

                break;
            default:
                Want(question);
                break;
        }

        return LinkFault.None;
    }

    /// <summary>Sends on when the peer has taken what it got.</summary>
    public void Continue()
    {
        int done = 0;
        while (IsBusy && done < BytesPerTurn && backlog() < MostBacklogBytes)
        {
            if (_nextEntry < _entries.Count)
            {
                done += Send(_entries[_nextEntry++]);
            }
            else if (_nextLeaf < _leaves.Count)
            {
                int leaf = _leaves[_nextLeaf++];
                done += _lists ? SendList(leaf) : TakeOut(leaf);
            }
            else
            {
                End();
            }
        }
    }

    private static LinkFault AskedTwice() => new(
        ErrorCode.OutOfOrder, "a question about retained events before the answer to the last one had ended");

    private void Begin()
    {
        IsBusy = true;
        _lists = false;
        _wanted = null;
        _nextLeaf = 0;
    }

    private void End()
    {
        new RetainedStateFrame(Store.Digest, (uint)Store.Count, isEnd: true)
            .Write(control.Reserve(RetainedStateFrame.FrameBytes));
        IsBusy = false;
        _wanted = null;
        _leaves.Clear();
        _items.Clear();
        _items.TrimExcess();
        _entries.Clear();
        _entries.TrimExcess();
        _nextEntry = 0;
    }

    private void Want(in RetainedDigestsFrame question)
    {
        _wanted = new HashSet<ulong>(question.Count);
        for (int i = 0; i < question.Count; i++)
        {
            if (_wanted.Add(question.U64(i)))
            {
                _leaves.Add(RetainedDigestsFrame.LeafOf(question.U64(i)));
            }
        }

        // A leaf is walked once however many of its topics are asked for.
        _leaves.Sort();
        int kept = 0;
        for (int i = 0; i < _leaves.Count; i++)
        {
            if (i == 0 || _leaves[i] != _leaves[i - 1])
            {
                _leaves[kept++] = _leaves[i];
            }
        }

        _leaves.RemoveRange(kept, _leaves.Count - kept);
    }

    private int TakeOut(int leaf)
    {
        _entries.Clear();
        _nextEntry = 0;
        return BytesPerLook * (1 + Store.CollectLeaf(leaf, _wanted, _entries));
    }

    private int SendList(int leaf)
    {
        _items.Clear();
        Store.Describe(leaf, _items);
        for (int first = 0; first < _items.Count; first += RetainedDigestsFrame.MostItems)
        {
            int count = Math.Min(_items.Count - first, RetainedDigestsFrame.MostItems);
            Span<byte> frame = control.Reserve(RetainedDigestsFrame.BytesOf(RetainedDigestsKind.List, count));
            RetainedDigestsFrame.WriteHeader(frame, RetainedDigestsKind.List, count);
            for (int i = 0; i < count; i++)
            {
                RetainedDigestsFrame.PutItem(frame, i, _items[first + i]);
            }
        }

        return BytesPerLook * (1 + _items.Count);
    }

    private void WriteDigests(RetainedDigestsKind kind, int group)
    {
        const int Count = RetainedDigestsFrame.Groups;
        Span<byte> frame = control.Reserve(RetainedDigestsFrame.BytesOf(kind, Count));
        RetainedDigestsFrame.WriteHeader(frame, kind, Count, group);
        for (int i = 0; i < Count; i++)
        {
            ulong digest = kind == RetainedDigestsKind.Groups
                ? Store.GroupDigest(i)
                : Store.LeafDigest((group * RetainedDigestsFrame.LeavesPerGroup) + i);
            RetainedDigestsFrame.PutU64(frame, i, digest);
        }
    }

    private int Send(RetainedEvent retained)
    {
        ReadOnlySpan<byte> topic = retained.Topic.Utf8;
        int propertyBytes = PropertyWriter.Size(topic.Length) + retained.Properties.Length;
        int frameBytes = RetainedFrame.HeaderBytes + propertyBytes + retained.Body.Length;
        Span<byte> list = stackalloc byte[ProtocolLimits.MaxEventPropertyBytes + ProtocolLimits.MaxTopicBytes + 16];
        var properties = new PropertyWriter(list);
        properties.Write(PropertyId.Topic, topic);
        retained.Properties.CopyTo(list[properties.Written..]);
        var frame = new RetainedFrame
        {
            IsTombstone = retained.IsTombstone,
            IsExpired = retained.IsExpired,
            Publisher = retained.Publisher,
            Number = retained.Number,
            Timestamp = retained.Timestamp,
            Properties = list[..propertyBytes],
            Body = retained.Body,
        };
        frame.Write(control.Reserve(frameBytes));
        mesh.Counters.RetainedSent++;
        return frameBytes;
    }
}
