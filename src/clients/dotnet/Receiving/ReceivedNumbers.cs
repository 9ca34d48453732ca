using NexusD.Protocol;
using NexusD.Protocol.App;

namespace NexusdClient.Receiving;

/// <summary>
/// The last number that a subscription had of each publisher and class, to go on there after a reconnect. Bounded: of
/// more publishers than fit those heard longest ago are left out, and what was stamped before is not asked for again.
/// Used on the reading thread only.
/// </summary>
internal sealed class ReceivedNumbers
{
    private readonly Dictionary<(ulong Publisher, Priority Priority), LinkedListNode<ResumeEntry>> _nodes = [];
    private readonly LinkedList<ResumeEntry> _entries = new();
    private ulong _since;

    /// <summary>The subscription begins: older events are none of its own.</summary>
    internal void Begin(DateTimeOffset now)
    {
        _nodes.Clear();
        _entries.Clear();
        _since = (ulong)now.ToUnixTimeMilliseconds() << 16;
    }

    /// <summary>Takes note of a run that was received.</summary>
    internal void Note(in DeliverFrame deliver, int count)
    {
        if (count == 0 || (deliver.Flags & RunFlags.Retained) != 0)
        {
            return;
        }

        var priority = deliver.Properties.IsEmpty ? Priority.Normal : PriorityOf(deliver.Properties);
        var had = new ResumeEntry(
            deliver.Publisher, deliver.Number + (ulong)count - 1, deliver.Timestamp, priority);
        var latest = _entries.Last;
        if (latest is null
            || latest.ValueRef.Publisher != had.Publisher
            || latest.ValueRef.Priority != priority)
        {
            latest = Find(had);
        }

        // A replayed or repaired event may be older than one that was had.
        if (had.Number >= latest.ValueRef.Number)
        {
            latest.ValueRef = had;
        }
    }

    /// <summary>The value of the resume property.</summary>
    internal byte[] Encode()
    {
        var bytes = new byte[ResumeReader.Size(_entries.Count)];
        var at = ResumeReader.WriteHeader(bytes, _since);
        foreach (var entry in _entries)
        {
            at += ResumeReader.Write(bytes.AsSpan(at), entry);
        }

        return bytes;
    }

    private static Priority PriorityOf(ReadOnlySpan<byte> properties)
    {
        var reader = new PropertyReader(properties);
        while (reader.TryRead(out var id, out var value))
        {
            if (id == PropertyId.Priority && value.Length == 1 && value[0] <= (byte)Priority.Low)
            {
                return (Priority)value[0];
            }
        }

        return Priority.Normal;
    }

    /// <summary>The entry of a publisher and class, moved to the end of the list.</summary>
    private LinkedListNode<ResumeEntry> Find(in ResumeEntry had)
    {
        if (_nodes.TryGetValue((had.Publisher, had.Priority), out var node))
        {
            _entries.Remove(node);
        }
        else if (_entries.Count < ProtocolLimits.MaxResumeEntries)
        {
            node = new LinkedListNode<ResumeEntry>(had);
            _nodes.Add((had.Publisher, had.Priority), node);
        }
        else
        {
            node = _entries.First!;
            _entries.RemoveFirst();
            _since = Math.Max(_since, node.ValueRef.Timestamp);
            _nodes.Remove((node.ValueRef.Publisher, node.ValueRef.Priority));
            node.ValueRef = had;
            _nodes.Add((had.Publisher, had.Priority), node);
        }

        _entries.AddLast(node);
        return node;
    }
}
