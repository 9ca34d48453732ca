using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace NexusD.Tidy.Tests;

/// <summary>A text file of the repository. Binary files appear with an empty text.</summary>
internal sealed partial class TrackedFile(string path, string text)
{
    private SyntaxNode? _syntax;
    private string[]? _lines;

    public string Path { get; } = path;

    public string Text { get; } = text;

    public IReadOnlyList<string> Lines => _lines ??= Text.TrimEnd('\n').Split('\n');

    public string Name => System.IO.Path.GetFileName(Path);

    public string Extension => System.IO.Path.GetExtension(Path);

    public bool IsCSharp => Extension == ".cs";

    /// <summary>Code that runs at the customer's; tests and benchmarks are not.</summary>
    public bool IsProduction => StartsWithAny("src/", "tools/", "bench/nexusd-bench/");

    public SyntaxNode Syntax => _syntax ??= CSharpSyntaxTree
        .ParseText(Text, CSharpParseOptions.Default.WithLanguageVersion(LanguageVersion.Preview))
        .GetRoot();

    /// <summary>Exceptions written into the file: comment lines with a rule and the reason.</summary>
    public IEnumerable<(string Rule, int Line, string Reason)> Allowances()
    {
        for (var i = 0; i < Lines.Count; i++)
        {
            if (AllowanceLine().Match(Lines[i]) is { Success: true } match)
            {
                yield return (match.Groups["rule"].Value, i + 1, match.Groups["reason"].Value.Trim());
            }
        }
    }

    public bool StartsWithAny(params ReadOnlySpan<string> folders)
    {
        foreach (var folder in folders)
        {
            if (Path.StartsWith(folder, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    public Finding At(int line, string message) => new(Path, line, message);

    public Finding At(SyntaxNode node, string message) =>
        new(Path, node.GetLocation().GetLineSpan().StartLinePosition.Line + 1, message);

    [GeneratedRegex(@"^\s*(//|#|<!--)\s*tidy: allow (?<rule>\S+)(?<reason>.*?)(-->)?\s*$")]
    private static partial Regex AllowanceLine();
}
