using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace NexusD.Routing.Recovery;

/// <summary>
/// The last events of each topic that passed this node lately, for subscribers that come back
/// (docs/adr/0005-recovery-rings.md). Apart from the retained store: never shown to a new subscription.
/// </summary>
/// <remarks>
/// Of a run with more events than a ring holds only the end is copied. Invariant: <see cref="Bytes"/> is at most the
/// bound, after each call; the topics used longest ago give way (a clock hand, as in the topic table). For one thread.
/// </remarks>
public sealed class RecoveryRings
{
    // An event that would take more than this part of the memory is not kept.
    private const int LargestPart = 8;

    private readonly int _eventsPerTopic;
    private readonly long _maxBytes;
    private readonly List<RecoveryRing> _rings = [];
    private long _bytes;
    private int _hand;

    internal RecoveryRings(int eventsPerTopic, long maxBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(eventsPerTopic);
        ArgumentOutOfRangeException.ThrowIfNegative(maxBytes);
        _eventsPerTopic = eventsPerTopic;
        _maxBytes = maxBytes;
    }

    /// <summary>Most events of one topic.</summary>
    public int EventsPerTopic => _eventsPerTopic;

    /// <summary>Topics with a ring.</summary>
    public int Topics => _rings.Count;

    /// <summary>Memory of all rings.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Topics whose events were given up for those of others.</summary>
    public long Evictions { get; private set; }

    /// <summary>Events that were replayed to subscribers.</summary>
    public long ReplayedEvents { get; internal set; }

    /// <summary>Timestamp of the newest event given up with its topic.</summary>
    internal ulong LostUpTo { get; private set; }

    internal IReadOnlyList<RecoveryRing> All => _rings;

    /// <summary>Keeps the last events of a run.</summary>
    internal void Add(in EventRun run)
    {
        RecoveryRing ring = run.Topic.Ring ?? Begin(run);
        ring.WasUsed = true;
        long former = ring.Bytes;
        int surplus = Surplus(run);
        if (surplus == 0)
        {
            ring.Add(run);
        }
        else
        {
            AddEnd(ring, run, surplus);
        }

        if (ring.Bytes != former)
        {
            _bytes += ring.Bytes - former;
            if (_bytes > _maxBytes)
            {
                Shrink(ring);
            }
        }
    }

    /// <summary>Gives up topics used longest ago, until so many bytes are free.</summary>
    internal void GiveUp(long bytes)
    {
        long most = Math.Max(0, _bytes - bytes);
        while (_bytes > most && FindVictim(null) is { } victim)
        {
            Remove(victim);
        }
    }

    /// <summary>The topic leaves the router's table.</summary>
    internal void Forget(Topic topic)
    {
        if (topic.Ring is { } ring)
        {
            Remove(ring);
        }
    }

    /// <summary>Checks the invariants; walks all rings.</summary>
    [Conditional("DEBUG")]
    internal void AssertInvariants()
    {
        long bytes = 0;
        for (int i = 0; i < _rings.Count; i++)
        {
            bytes += _rings[i].Bytes;
            Debug.Assert(_rings[i].Index == i && _rings[i].Topic.Ring == _rings[i], "a ring lost its place");
            Debug.Assert(_rings[i].Events <= _eventsPerTopic, "a ring holds too many events");
        }

        Debug.Assert(bytes == _bytes && (bytes <= _maxBytes || _rings.Count == 0), "rings hold too much");
    }

    /// <summary>How many of the first events are not kept.</summary>
    private int Surplus(in EventRun run)
    {
        if (run.Properties.Length + run.Body.Length > _maxBytes / LargestPart)
        {
            return run.Count;
        }

        return Math.Max(0, run.Count - _eventsPerTopic);
    }

    private static void AddEnd(RecoveryRing ring, in EventRun run, int surplus)
    {
        ring.Forget(run, surplus);
        if (surplus == run.Count)
        {
            return;
        }

        int offset = OffsetOf(run.Body, surplus);
        ring.Add(run with
        {
            Number = run.Number + (ulong)surplus,
            Count = run.Count - surplus,
            Body = run.Body[offset..],
            Shared = null,
        });
    }

    /// <summary>
    /// Where an event starts. Most runs have events of one size: to check that takes less than to follow them.
    /// </summary>
    private static int OffsetOf(ReadOnlySpan<byte> body, int index)
    {
        int stride = RunBody.FirstEventBytes(body);
        long end = (long)stride * index;
        if (end + Protocol.EventRunBody.SizeFieldBytes <= body.Length)
        {
            bool isUniform = true;
            for (int offset = stride; offset < (int)end; offset += stride)
            {
                isUniform &= RunBody.FirstEventBytes(body[offset..]) == stride;
            }

            if (isUniform)
            {
                return (int)end;
            }
        }

        return RunBody.OffsetOf(body, index);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private RecoveryRing Begin(in EventRun run)
    {
        RecoveryRing ring;
        var fresh = _rings.Count == 0 ? null : _rings[_hand < _rings.Count ? _hand : 0];
        if (fresh is not null && _bytes + fresh.Bytes > _maxBytes)
        {
            // As good as full: the oldest ring goes on with this topic.
            ring = FindVictim(null)!;
            Evict(ring);
        }
        else
        {
            ring = new RecoveryRing(_eventsPerTopic) { Index = _rings.Count };
            _rings.Add(ring);
            _bytes += ring.Bytes;
        }

        ring.Begin(run.Topic, run.Timestamp);
        return ring;
    }

    private void Shrink(RecoveryRing keep)
    {
        while (_bytes > _maxBytes && FindVictim(keep) is { } victim)
        {
            Remove(victim);
        }

        if (_bytes > _maxBytes)
        {
            Remove(keep);
        }
    }

    private void Evict(RecoveryRing ring)
    {
        Evictions++;
        LostUpTo = Math.Max(LostUpTo, ring.LastTimestamp);
        ring.End();
    }

    private void Remove(RecoveryRing ring)
    {
        Evict(ring);
        _bytes -= ring.Bytes;
        ring.Release();
        RecoveryRing last = _rings[^1];
        _rings[ring.Index] = last;
        last.Index = ring.Index;
        _rings.RemoveAt(_rings.Count - 1);
    }

    private RecoveryRing? FindVictim(RecoveryRing? keep)
    {
        for (int step = 0; step < _rings.Count * 2; step++)
        {
            _hand = _hand + 1 < _rings.Count ? _hand + 1 : 0;
            RecoveryRing ring = _rings[_hand];
            if (ring == keep)
            {
                continue;
            }

            if (!ring.WasUsed)
            {
                return ring;
            }

            ring.WasUsed = false;
        }

        return null;
    }
}
