namespace NexusD.Transport;

/// <summary>
/// Who opened a Unix socket connection, as the kernel says (SO_PEERCRED, unix(7)): at the time of connect.
/// </summary>
public readonly record struct PeerCredentials(int ProcessId, uint UserId, uint GroupId);
