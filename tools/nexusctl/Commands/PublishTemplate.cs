namespace Nexusctl.Commands;

/// <summary>What all events of one call carry beside topic and payload.</summary>
internal sealed record PublishTemplate(bool Retain, string? ContentType, TimeSpan? TimeToLive)
{
    internal bool IsPlain => ContentType is null && TimeToLive is null;
}
