using System.Text.Json;

namespace NexusD.Conformance.Tests.Driver;

/// <summary>The agents of <c>agents.json</c>: one for each language.</summary>
internal static class AgentCatalog
{
    private static readonly JsonElement _agents = JsonDocument.Parse(
        File.ReadAllText(Path.Combine(Repository.Root, "tests", "conformance", "agents.json"))).RootElement;

    // For work on one client: names with commas.
    private static readonly string[]? _only =
        Environment.GetEnvironmentVariable("CONFORMANCE_LANGUAGES")?.Split(',', StringSplitOptions.RemoveEmptyEntries);

    internal static IEnumerable<string> Languages => _agents.EnumerateObject().Select(a => a.Name);

    /// <summary>Why the agent of a language cannot be started here; null when it can.</summary>
    internal static string? WhyMissing(string language)
    {
        if (_only is not null && !_only.Contains(language))
        {
            return $"{language}: not among CONFORMANCE_LANGUAGES.";
        }

        string folder = Folder(language);
        if (!Directory.Exists(folder))
        {
            return $"{language}: {folder} is missing.";
        }

        string[] missing = [.. _agents.GetProperty(language).GetProperty("needs").EnumerateArray()
            .Select(n => n.GetString()!).Where(n => !IsThere(folder, n))];
        return missing.Length == 0
            ? null
            : $"{language}: {string.Join(", ", missing)} is missing, so its agent cannot run; see tests/conformance.";
    }

    /// <summary>Whether a client says that it does not have an optional part.</summary>
    internal static bool Lacks(string language, string part) =>
        _agents.GetProperty(language).TryGetProperty("lacks", out JsonElement lacks)
        && lacks.EnumerateArray().Any(l => l.GetString() == part);

    internal static string Folder(string language) =>
        Path.Combine(Repository.Root, _agents.GetProperty(language).GetProperty("folder").GetString()!);

    internal static string[] Command(string language) =>
        [.. _agents.GetProperty(language).GetProperty("command").EnumerateArray().Select(c => c.GetString()!)];

    private static bool IsThere(string folder, string what) => what.Contains('/', StringComparison.Ordinal)
        ? File.Exists(Path.Combine(folder, what))
        : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(p => File.Exists(Path.Combine(p, what)));
}
