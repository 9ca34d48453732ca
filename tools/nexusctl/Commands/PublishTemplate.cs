using NexusdClient;

namespace Nexusctl.Commands;

/// <summary>What all events of one call carry beside topic and payload.</summary>
internal sealed record PublishTemplate(
    bool Retain, string? ContentType, TimeSpan? TimeToLive, EventPriority Priority)
{
    internal bool IsPlain => ContentType is null && TimeToLive is null && Priority == EventPriority.Normal;
}
