namespace NexusdBench.History;

/// <summary>A told loss as the check looks at it.</summary>
/// <param name="Order">Place among what came to the subscription.</param>
/// <param name="IsUpperBound">Whether the protocol allows the count to be too high.</param>
internal readonly record struct LossRange(long From, long To, long Count, long Order, bool IsUpperBound)
{
    /// <summary>
    /// Gives each missing number to a range that contains it and has count left, the one that ends first: no other
    /// choice covers more.
    /// </summary>
    /// <param name="missing">Rising.</param>
    /// <param name="ranges">In any order; may overlap.</param>
    /// <returns>Numbers that found no range, and ranges with what is left of their counts.</returns>
    internal static (List<long> Uncovered, List<LossRange> Unused) Match(
        IEnumerable<long> missing, IEnumerable<LossRange> ranges)
    {
        var byStart = ranges.OrderBy(r => r.From).ToArray();
        var open = new PriorityQueue<LossRange, long>();
        var uncovered = new List<long>();
        var unused = new List<LossRange>();
        var next = 0;
        foreach (var number in missing)
        {
            for (; next < byStart.Length && byStart[next].From <= number; next++)
            {
                open.Enqueue(byStart[next], byStart[next].To);
            }

            while (open.TryPeek(out var ended, out _) && ended.To < number)
            {
                unused.Add(open.Dequeue());
            }

            if (open.TryDequeue(out var range, out _))
            {
                if (range.Count > 1)
                {
                    open.Enqueue(range with { Count = range.Count - 1 }, range.To);
                }
            }
            else
            {
                uncovered.Add(number);
            }
        }

        while (open.TryDequeue(out var left, out _))
        {
            unused.Add(left);
        }

        unused.AddRange(byStart[next..]);
        return (uncovered, unused);
    }
}
