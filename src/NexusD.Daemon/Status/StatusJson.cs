using System.Text.Json.Serialization;

namespace NexusD.Daemon.Status;

/// <summary>Writes the documents without reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    GenerationMode = JsonSourceGenerationMode.Serialization)]
[JsonSerializable(typeof(StatusDocument))]
[JsonSerializable(typeof(LiveDocument))]
[JsonSerializable(typeof(PeerEntry))]
[JsonSerializable(typeof(ClientEntry))]
[JsonSerializable(typeof(TopicEntry))]
[JsonSerializable(typeof(RetainedEntry))]
[JsonSerializable(typeof(CutEntry))]
internal sealed partial class StatusJson : JsonSerializerContext;
