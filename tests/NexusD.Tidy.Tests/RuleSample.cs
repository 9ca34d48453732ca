namespace NexusD.Tidy.Tests;

/// <summary>A small tree that breaks one rule at known lines, beside things that look alike and are right.</summary>
/// <param name="Rule">The rule that must find something, and the only one asked.</param>
/// <param name="Lines">Line numbers of the findings, in order; 0 for the file as a whole.</param>
internal sealed record RuleSample(string Rule, int[] Lines, params (string Path, string Text)[] Files);
