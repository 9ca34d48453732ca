using System.Globalization;
using System.Text.Json.Nodes;

namespace NexusD.Conformance.Tests.Driver;

/// <summary>A message as an agent tells it.</summary>
internal sealed record Message(JsonObject Json)
{
    internal string Topic => (string)Json["topic"]!;

    internal string? Payload => (string?)Json["payload"];

    internal int Size => (int)Json["size"]!;

    internal ulong Number => ulong.Parse((string)Json["number"]!, CultureInfo.InvariantCulture);

    internal string Publisher => (string)Json["publisher"]!;

    internal bool IsRetained => (bool?)Json["retained"] ?? false;

    internal bool IsReplayed => (bool?)Json["replayed"] ?? false;

    internal string? this[string name] => Json[name]?.ToString();
}
