namespace Nexusctl.Arguments;

/// <summary>An option of a command.</summary>
/// <param name="Name">With its two dashes.</param>
/// <param name="Value">Name of its value in the help; null: it takes none.</param>
/// <param name="Text">What it does.</param>
internal sealed record OptionSpec(string Name, string? Value, string Text);
