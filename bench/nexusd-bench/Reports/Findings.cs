namespace NexusdBench;

/// <summary>
/// What a scenario found: its runs, of which the last is what it is about, and sentences that compare them.
/// </summary>
internal sealed record Findings(IReadOnlyList<BenchResult> Results, IReadOnlyList<string> Remarks)
{
    internal Findings(BenchResult result)
        : this([result], [])
    {
    }

    internal BenchResult Headline => Results[^1];

    internal bool AreGood => Results.All(r => r.IsGood);
}
