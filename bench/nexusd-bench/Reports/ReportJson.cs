using System.Text.Json;
using System.Text.Json.Serialization;

namespace NexusdBench;

/// <summary>The result as one JSON object on a line.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    GenerationMode = JsonSourceGenerationMode.Serialization)]
[JsonSerializable(typeof(BenchResult))]
internal sealed partial class ReportJson : JsonSerializerContext
{
    internal static string Format(BenchResult result) =>
        JsonSerializer.Serialize(result, Default.BenchResult) + "\n";
}
