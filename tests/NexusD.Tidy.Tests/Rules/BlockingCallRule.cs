using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace NexusD.Tidy.Tests.Rules;

/// <summary>
/// No thread sleeps or waits for a task, and no exception is lost in an async void method. Tests may wait for a task,
/// but never for the clock. Works on syntax: a task is known by its name or by the call that made it.
/// </summary>
internal sealed class BlockingCallRule : FileRule
{
    public override string Name => "blocking-call";

    public override bool AppliesTo(TrackedFile file) => file.IsCSharp;

    public override IEnumerable<Finding> Check(TrackedFile file)
    {
        foreach (var node in file.Syntax.DescendantNodes())
        {
            if (node is MemberAccessExpressionSyntax { Name.Identifier.Text: "Sleep" } sleep
                && LastName(sleep.Expression) == "Thread")
            {
                yield return file.At(node, "Thread.Sleep: wait for the state itself, with a loud time-out");
            }
            else if (file.IsProduction && Problem(node) is { } problem)
            {
                yield return file.At(node, problem);
            }
        }
    }

    private static string? Problem(SyntaxNode node) => node switch
    {
        MethodDeclarationSyntax m when IsAsyncVoid(m.Modifiers, m.ReturnType) => "async void: return a Task",
        LocalFunctionStatementSyntax f when IsAsyncVoid(f.Modifiers, f.ReturnType) => "async void: return a Task",
        MemberAccessExpressionSyntax m => Problem(m),
        _ => null,
    };

    private static string? Problem(MemberAccessExpressionSyntax access) => access.Name.Identifier.Text switch
    {
        "Result" when IsTask(access.Expression) => ".Result blocks the thread: await it",
        "Wait" when IsTask(access.Expression) || IsCallWithoutArguments(access) =>
            ".Wait() blocks the thread: await it",
        "GetResult" when LastName(access.Expression) == "GetAwaiter" => ".GetResult() blocks the thread: await it",
        _ => null,
    };

    private static bool IsAsyncVoid(SyntaxTokenList modifiers, TypeSyntax returns) =>
        modifiers.Any(SyntaxKind.AsyncKeyword)
        && returns is PredefinedTypeSyntax { Keyword.RawKind: (int)SyntaxKind.VoidKeyword };

    private static bool IsTask(ExpressionSyntax expression) =>
        LastName(expression) is { } name
        && (name.EndsWith("task", StringComparison.OrdinalIgnoreCase)
            || (IsCall(expression) && name.EndsWith("Async", StringComparison.Ordinal)));

    private static bool IsCall(ExpressionSyntax expression) =>
        expression is InvocationExpressionSyntax
        || (expression is ParenthesizedExpressionSyntax inner && IsCall(inner.Expression));

    private static bool IsCallWithoutArguments(MemberAccessExpressionSyntax access) =>
        access.Parent is InvocationExpressionSyntax { ArgumentList.Arguments.Count: 0 };

    private static string? LastName(ExpressionSyntax expression) => expression switch
    {
        IdentifierNameSyntax name => name.Identifier.Text,
        MemberAccessExpressionSyntax member => member.Name.Identifier.Text,
        InvocationExpressionSyntax call => LastName(call.Expression),
        ParenthesizedExpressionSyntax inner => LastName(inner.Expression),
        _ => null,
    };
}
