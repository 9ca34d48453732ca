namespace NexusdBench;

/// <summary>An option of the command line.</summary>
/// <param name="Name">With its dashes.</param>
/// <param name="Value">What stands behind it, in capitals; null: nothing.</param>
/// <param name="Scenarios">The scenarios that take it, with blanks between; empty: all.</param>
/// <param name="Text">What it does.</param>
internal sealed record OptionRow(string Name, string? Value, string Scenarios, string Text)
{
    internal bool IsFor(string scenario) => Scenarios.Length == 0 || Scenarios.Split(' ').Contains(scenario);
}
