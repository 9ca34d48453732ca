namespace NexusdBench.History;

/// <summary>Rules that a history can break.</summary>
internal enum ViolationKind
{
    /// <summary>An event came twice to one subscription.</summary>
    Duplicate,

    /// <summary>An event came behind a later one of its publisher and class.</summary>
    Reordered,

    /// <summary>An event is missing, and nothing tells or excuses it.</summary>
    Unaccounted,

    /// <summary>An event was told as lost only behind a later one of its publisher and class.</summary>
    ToldLate,

    /// <summary>More was told as lost than is missing.</summary>
    OverTold,

    /// <summary>An event came that nobody published.</summary>
    NeverPublished,

    /// <summary>A payload is not the one that was published.</summary>
    WrongPayload,

    /// <summary>An event came with another number, publisher or topic than it has.</summary>
    WrongIdentity,

    /// <summary>An event came that the subscription did not ask for.</summary>
    NotAskedFor,

    /// <summary>A notice to a publisher names events that it never published.</summary>
    BadNotice,

    /// <summary>More events are missing at all subscriptions than may have been lost before their daemon.</summary>
    Untaken,
}

/// <summary>A rule that was broken, where, and how.</summary>
internal sealed record Violation(ViolationKind Kind, string Subscription, string Publisher, string Text)
{
    public override string ToString() => $"{Kind}: {Publisher} -> {Subscription}: {Text}";
}
