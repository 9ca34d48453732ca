namespace NexusdBench.Gate;

/// <summary>
/// Delays as they came, to the nanosecond, since the report leaves out the first of them. Beyond four million no more
/// are kept.
/// </summary>
internal sealed class DelaySamples
{
    private const int Most = 4 << 20;

    // The start of a paced run: caches and routes are cold.
    private const int StartPart = 20;

    // Pages that are not written cost nothing.
    private readonly (long FromSent, long FromDue)[] _samples =
        GC.AllocateUninitializedArray<(long FromSent, long FromDue)>(Most, pinned: true);

    private int _count;

    internal void Add(long fromSent, long fromDue)
    {
        if (_count < Most)
        {
            _samples[_count++] = (fromSent, fromDue);
        }
    }

    /// <summary>Percentiles in microseconds.</summary>
    /// <param name="fromDue">Counted from when the event was due, not from when it was sent.</param>
    /// <param name="leaveOutStart">Whether the first twentieth does not count.</param>
    internal DelayFigures Percentiles(bool fromDue, bool leaveOutStart)
    {
        var kept = _samples.AsSpan(0, _count)[(leaveOutStart ? _count / StartPart : 0)..];
        var sorted = new long[kept.Length];
        for (var i = 0; i < sorted.Length; i++)
        {
            sorted[i] = fromDue ? kept[i].FromDue : kept[i].FromSent;
        }

        Array.Sort(sorted);
        double At(double part) => sorted.Length == 0
            ? 0
            : sorted[Math.Max(0, (int)Math.Ceiling(part * sorted.Length) - 1)] / 1000.0;
        return new DelayFigures(sorted.Length, At(0.5), At(0.9), At(0.99), At(0.999), At(1));
    }
}
