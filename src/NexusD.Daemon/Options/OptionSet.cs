namespace NexusD.Daemon.Options;

/// <summary>
/// The options in force: for each one its value, how it was written and where. Collects what was wrong or odd instead
/// of
/// throwing, so that a person sees all of it at once.
/// </summary>
internal sealed class OptionSet
{
    private readonly Dictionary<OptionDefinition, Setting> _settings = [];
    private readonly List<string> _errors = [];
    private readonly List<string> _warnings = [];

    /// <summary>What makes this configuration unusable, one sentence or more each.</summary>
    public IReadOnlyList<string> Errors => _errors;

    /// <summary>What is odd but usable.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>The value in force; an option without a default and without a value gives its type's default.</summary>
    public T Get<T>(Option<T> option)
    {
        if (_settings.TryGetValue(option, out Setting? setting))
        {
            return (T)setting.Value!;
        }

        _ = option.Reader(option.Default, out T value);
        return value;
    }

    /// <summary>Whether a flag, variable or file gave it a value.</summary>
    public bool IsSet(OptionDefinition option) => _settings.ContainsKey(option);

    /// <summary>The value as it was written.</summary>
    public string TextOf(OptionDefinition option) =>
        _settings.TryGetValue(option, out Setting? setting) ? setting.Text : option.Default;

    /// <summary>Where the value came from, for a person: <c>flag --mesh-port</c>.</summary>
    public string OriginOf(OptionDefinition option) =>
        _settings.TryGetValue(option, out Setting? setting) ? setting.Origin : "default";

    /// <summary>Where the value came from.</summary>
    public OptionSource SourceOf(OptionDefinition option) =>
        _settings.TryGetValue(option, out Setting? setting) ? setting.Source : OptionSource.Default;

    /// <summary>
    /// Takes a value from <paramref name="source"/> unless a stronger source gave one. Lists from one source add up.
    /// <paramref name="unit"/> is appended to a bare number.
    /// </summary>
    public void Set(OptionDefinition option, string text, string unit, OptionSource source, string origin)
    {
        string full = unit.Length > 0 && text.Length > 0 && char.IsAsciiDigit(text[^1]) ? text + unit : text;
        if (!option.TryRead(full, out object? value))
        {
            AddError(Describe(option, text, origin));
            return;
        }

        if (_settings.TryGetValue(option, out Setting? before))
        {
            if (before.Source > source)
            {
                return;
            }

            if (before.Source == source && option.IsList)
            {
                full = before.Text + "," + full;
                _ = option.TryRead(full, out value);
            }
        }

        _settings[option] = new Setting(full, value, source, origin);
    }

    /// <summary>Notes something that makes the configuration unusable.</summary>
    public void AddError(string text) => _errors.Add(text);

    /// <summary>Notes something odd.</summary>
    public void AddWarning(string text) => _warnings.Add(text);

    private static string Describe(OptionDefinition option, string text, string origin)
    {
        string wrong = text.Length == 0 ? $"{origin} has no value" : $"{origin}: '{text}' is not valid";
        string? hint = option.IsList
            ? text.Split(',').Select(part => HintFor(option, part.Trim())).FirstOrDefault(h => h is not null)
            : HintFor(option, text);
        return $"{wrong}; valid is {option.Valid}.{(hint is null ? "" : $" Did you mean '{hint}'?")}";
    }

    private static string? HintFor(OptionDefinition option, string text) =>
        option.Choices.Contains(text, StringComparer.OrdinalIgnoreCase) ? null : Spelling.Nearest(text, option.Choices);

    private sealed record Setting(string Text, object? Value, OptionSource Source, string Origin);
}
