namespace NexusD.Sessions;

/// <summary>A subscription that can outlive its connection, as it was at one moment.</summary>
/// <param name="KeepMs">How long it is kept when its connection breaks.</param>
/// <param name="IsPaused">Whether its client asked it to wait.</param>
/// <param name="IsDetached">Whether it has no connection.</param>
/// <param name="ForMs">How long it has been waiting; 0: it is in use.</param>
/// <param name="LeftMs">How long it waits yet; 0: it is in use.</param>
/// <param name="UnconfirmedEvents">Events that were sent and are not confirmed.</param>
/// <param name="UnconfirmedBytes">Bytes that these count.</param>
public sealed record KeptSnapshot(
    uint KeepMs,
    bool IsPaused,
    bool IsDetached,
    long ForMs,
    long LeftMs,
    int UnconfirmedEvents,
    long UnconfirmedBytes);
