using System.Text.Json.Nodes;

namespace NexusD.Conformance.Tests.Driver;

/// <summary>How a command failed.</summary>
internal sealed record Failure(string Kind, string Text, int? Code)
{
    internal static Failure Read(JsonObject answer) =>
        new((string)answer["error"]!, (string?)answer["text"] ?? "", (int?)answer["code"]);
}
