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

    /// <summary>One of a few names; null when the option was not given.</summary>
    internal T? GetChoice<T>(string option, IReadOnlyDictionary<string, T> choices)
        where T : struct
    {
        if (Get(option) is not { } text)
        {
            return null;
        }

        if (choices.TryGetValue(text.ToLowerInvariant(), out var value))
        {
            return value;
        }

        var hint = Nearest.Find(text, choices.Keys) is { } near ? $" Did you mean '{near}'?" : string.Empty;
        throw new UsageException($"{option} is '{text}'; it must be {string.Join(", ", choices.Keys)}.{hint}");
    }

    /// <summary>
    /// A size in bytes above 0, up to 2 GiB - 1, such as <c>65536</c>, <c>500K</c> or <c>16MiB</c>; null when the
    /// option was not given.
    /// </summary>
    internal int? GetSize(string option)
    {
        if (Get(option) is not { } text)
        {
            return null;
        }

        var digits = text.TrimEnd('K', 'k', 'M', 'm', 'G', 'g', 'i', 'B', 'b');
        var factor = text[digits.Length..].ToLowerInvariant() switch
        {
            "" or "b" => 1L,
            "k" or "kb" or "kib" => 1L << 10,
            "m" or "mb" or "mib" => 1L << 20,
            "g" or "gb" or "gib" => 1L << 30,
            _ => 0,
        };
        return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && number > 0 && factor > 0 && number <= int.MaxValue / factor
                ? (int)(number * factor)
                : throw new UsageException($"{option} is '{text}'; write a size up to 2047M such as 500K or 16MiB.");
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
