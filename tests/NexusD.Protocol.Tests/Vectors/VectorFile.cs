using System.Text;
using System.Text.Json.Nodes;

namespace NexusD.Protocol.Tests.Vectors;

/// <summary>Reads tests/vectors/*.json; the format is described in the README beside them.</summary>
internal static class VectorFile
{
    internal static JsonObject Load(string name) =>
        JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "vectors", name)))!.AsObject();

    internal static Dictionary<string, JsonObject> LoadList(string file, string list) =>
        Load(file)[list]!.AsArray().ToDictionary(
            record => record!["id"]!.GetValue<string>(), record => record!.AsObject());

    internal static TheoryData<string> Ids(string file, string list = "vectors") => [.. LoadList(file, list).Keys];

    internal static byte[] Bytes(JsonNode hex)
    {
        if (hex is JsonValue)
        {
            return Convert.FromHexString(hex.GetValue<string>());
        }

        List<byte> bytes = [];
        foreach (JsonNode? part in hex.AsArray())
        {
            bytes.AddRange(part is JsonObject folded
                ? Enumerable.Repeat(Convert.FromHexString(Text(folded["repeat"]!))[0], folded["times"]!.GetValue<int>())
                : Bytes(part!));
        }

        return [.. bytes];
    }

    /// <summary>A text, unfolded.</summary>
    internal static string Text(JsonNode node) =>
        node is JsonObject folded
            ? new StringBuilder().Insert(0, Text(folded["repeat"]!), folded["times"]!.GetValue<int>()).ToString()
            : node.GetValue<string>();

    /// <summary>A copy in which folded texts are written out.</summary>
    internal static JsonNode? Unfold(JsonNode? node) => node switch
    {
        JsonObject folded when folded.ContainsKey("repeat") => JsonValue.Create(Text(folded)),
        JsonObject members => new JsonObject(members.Select(m => KeyValuePair.Create(m.Key, Unfold(m.Value)))),
        JsonArray items => new JsonArray([.. items.Select(Unfold)]),
        _ => node?.DeepClone(),
    };
}
