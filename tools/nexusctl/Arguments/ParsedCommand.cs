using System.Globalization;

namespace Nexusctl.Arguments;

/// <summary>A command line taken apart.</summary>
internal sealed class ParsedCommand
{
    private readonly Dictionary<string, string?> _options;

    internal ParsedCommand(
        CommandSpec command, IReadOnlyList<string> operands, Dictionary<string, string?> options, string? answer)
    {
        Command = command;
        Operands = operands;
        _options = options;
        Answer = answer;
    }

    internal CommandSpec Command { get; }

    internal IReadOnlyList<string> Operands { get; }

    /// <summary>A text to print instead of running anything: help or version.</summary>
    internal string? Answer { get; }

    internal bool Has(string option) => _options.ContainsKey(option);

    internal string? Get(string option) => _options.GetValueOrDefault(option);

    /// <summary>A whole number above 0; null when the option was not given.</summary>
    internal long? GetCount(string option)
    {
        if (Get(option) is not { } text)
        {
            return null;
        }

        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
            ? number
            : throw new UsageException($"{option} is '{text}'; it must be a whole number above 0.");
    }

    /// <summary>A time such as <c>500ms</c>, <c>10s</c>, <c>2m</c>, <c>1h</c>; a bare number counts seconds.</summary>
    internal TimeSpan? GetTime(string option)
    {
        if (Get(option) is not { } text)
        {
            return null;
        }

        var digits = text.TrimEnd('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'm', 's');
        var factor = text[digits.Length..] switch
        {
            "ms" => 0.001,
            "s" or "" => 1,
            "m" => 60,
            "h" => 3600,
            _ => 0.0,
        };
        var isNumber = double.TryParse(
            digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var amount);
        var seconds = amount * factor;
        return isNumber && seconds is > 0 and < 2_000_000
            ? TimeSpan.FromSeconds(seconds)
            : throw new UsageException($"{option} is '{text}'; write a time above 0 such as 500ms, 10s, 2m or 1h.");
    }
}
