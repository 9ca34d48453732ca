namespace NexusdBench.History;

/// <summary>What one publisher did. Its numbers are those of the protocol, from 1.</summary>
internal sealed class PublisherLog(string name)
{
    internal string Name { get; } = name;

    internal List<SentSpan> Sent { get; } = [];

    internal List<DoubtSpan> Doubts { get; } = [];

    internal List<ConnectionRecord> Connections { get; } = [];

    internal List<ToldNotice> Notices { get; } = [];

    /// <summary>First number that every subscription has to get: the mesh had settled.</summary>
    internal long Begin { get; set; } = 1;

    internal long LastSent => Sent.Count == 0 ? 0 : Sent[^1].Last;

    internal bool Has(ulong id) => Connections.Exists(c => c.Publisher == id);

    /// <summary>When an event was handed over, to the length of its span.</summary>
    internal long ClockOf(long number)
    {
        int low = 0, high = Sent.Count - 1;
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = Sent[middle].Last >= number ? (low, middle) : (middle + 1, high);
        }

        return Sent[low].Clock;
    }

    internal bool IsInDoubt(long number) => Doubts.Exists(d => d.First <= number && number <= d.Last);
}
