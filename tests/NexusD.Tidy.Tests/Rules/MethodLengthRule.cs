using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace NexusD.Tidy.Tests.Rules;

/// <summary>A method fits on a screen. Counted from its signature, comments and attributes apart.</summary>
internal sealed class MethodLengthRule : FileRule
{
    public const int MaxLines = 70;

    public override string Name => "method-length";

    public override bool AppliesTo(TrackedFile file) => file.IsCSharp;

    public override IEnumerable<Finding> Check(TrackedFile file)
    {
        foreach (var node in file.Syntax.DescendantNodes())
        {
            if (Start(node) is not { } start)
            {
                continue;
            }

            var first = start.GetLocation().GetLineSpan().StartLinePosition.Line;
            var last = node.GetLocation().GetLineSpan().EndLinePosition.Line;
            if (last - first + 1 > MaxLines)
            {
                yield return file.At(
                    first + 1, $"a method of {last - first + 1} lines, at most {MaxLines}: give its steps names");
            }
        }
    }

    private static SyntaxToken? Start(SyntaxNode node) => node switch
    {
        BaseMethodDeclarationSyntax m => AfterAttributes(m, m.AttributeLists),
        LocalFunctionStatementSyntax f => AfterAttributes(f, f.AttributeLists),
        AccessorDeclarationSyntax a => AfterAttributes(a, a.AttributeLists),
        _ => null,
    };

    private static SyntaxToken AfterAttributes(SyntaxNode node, SyntaxList<AttributeListSyntax> attributes) =>
        attributes.Count == 0 ? node.GetFirstToken() : attributes[^1].GetLastToken().GetNextToken();
}
