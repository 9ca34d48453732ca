namespace NexusD.Daemon.Status;

/// <summary>The answer of <c>/livez</c>.</summary>
internal sealed record LiveDocument
{
    public required bool Live { get; init; }

    public required bool Ready { get; init; }

    public string? NotReadyBecause { get; init; }

    /// <summary>Null when the event loop does not answer.</summary>
    public StatusDocument? Status { get; init; }
}
