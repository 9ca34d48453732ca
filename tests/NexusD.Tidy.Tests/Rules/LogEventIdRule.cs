using System.Globalization;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace NexusD.Tidy.Tests.Rules;

/// <summary>One number, one log event, across the whole product: people search and alert by it.</summary>
internal sealed class LogEventIdRule : TidyRule
{
    public override string Name => "log-event-id";

    public override IEnumerable<Finding> Check(SourceTree tree)
    {
        var firstUse = new Dictionary<int, string>();
        foreach (var file in tree.Files.Where(static f => f.IsCSharp && f.IsProduction))
        {
            foreach (var attribute in file.Syntax.DescendantNodes().OfType<AttributeSyntax>())
            {
                if (attribute.Name.ToString() is not ("LoggerMessage" or "LoggerMessageAttribute"))
                {
                    continue;
                }

                var at = file.At(attribute, "");
                if (EventId(attribute) is not { } id)
                {
                    yield return at with { Message = "a log event needs a literal EventId" };
                }
                else if (!firstUse.TryAdd(id, $"{at.Path}:{at.Line}"))
                {
                    yield return at with { Message = $"log event id {id} is taken by {firstUse[id]}" };
                }
            }
        }
    }

    private static int? EventId(AttributeSyntax attribute)
    {
        var arguments = attribute.ArgumentList?.Arguments ?? [];
        var id = arguments.FirstOrDefault(static a => a.NameEquals?.Name.Identifier.Text == "EventId"
                || a.NameColon?.Name.Identifier.Text == "eventId")
            ?? arguments.FirstOrDefault(static a => a.NameEquals is null && a.NameColon is null);
        var digits = id?.Expression.ToString().Replace("_", "", StringComparison.Ordinal);
        return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;
    }
}
