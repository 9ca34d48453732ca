namespace NexusdClient.Publishing;

/// <summary>What WELCOME said about the connection.</summary>
internal readonly record struct SessionLimits(
    ulong PublisherId, ulong NextNumber, uint MaxAliases, uint MaxFrame, uint MaxPayload, uint IdleTimeoutMs);
