using Nexusctl.Commands;

namespace Nexusctl.Arguments;

/// <summary>A command: how it is called, what it does, and what runs it.</summary>
internal sealed record CommandSpec
{
    internal required string Name { get; init; }

    /// <summary>What follows the name, as <c>FILTER...</c>.</summary>
    internal required string Operands { get; init; }

    internal required string Summary { get; init; }

    /// <summary>Paragraphs and examples for the command's own help.</summary>
    internal string Details { get; init; } = string.Empty;

    internal required IReadOnlyList<OptionSpec> Options { get; init; }

    internal int MinOperands { get; init; }

    internal int MaxOperands { get; init; }

    internal required Func<CommandContext, Task<int>> Run { get; init; }
}
