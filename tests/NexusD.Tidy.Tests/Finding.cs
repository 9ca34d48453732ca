namespace NexusD.Tidy.Tests;

/// <summary>One place that breaks a rule.</summary>
/// <param name="Path">Relative to the repository, with forward slashes.</param>
/// <param name="Line">1-based; 0 when the file as a whole is meant.</param>
/// <param name="Message">What is wrong and what to do instead.</param>
internal sealed record Finding(string Path, int Line, string Message)
{
    public override string ToString() => Line > 0 ? $"{Path}:{Line}: {Message}" : $"{Path}: {Message}";
}
