namespace NexusdBench.History;

/// <summary>What the check of a history found.</summary>
internal sealed class Verdict
{
    // A broken run breaks a rule for every event; the count goes on.
    private const int Kept = 1000;

    private readonly List<Violation> _violations = [];

    /// <summary>The first ones.</summary>
    internal IReadOnlyList<Violation> Violations => _violations;

    internal long ViolationCount { get; private set; }

    /// <summary>By subscription and publisher.</summary>
    internal Dictionary<(int Subscription, int Publisher), PairFigures> Pairs { get; } = [];

    internal bool IsGood => ViolationCount == 0;

    internal PairFigures Total
    {
        get
        {
            var total = new PairFigures();
            foreach (var pair in Pairs.Values)
            {
                total.Add(pair);
            }

            return total;
        }
    }

    internal long Count(ViolationKind kind) => _violations.LongCount(v => v.Kind == kind);

    internal void Add(Violation violation)
    {
        ViolationCount++;
        if (_violations.Count < Kept)
        {
            _violations.Add(violation);
        }
    }
}
