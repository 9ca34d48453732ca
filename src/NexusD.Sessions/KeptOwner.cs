namespace NexusD.Sessions;

/// <summary>The session that a kept subscription belonged to, for people to read and to know its user by.</summary>
/// <param name="SessionId">Number of the session.</param>
/// <param name="ClientName">As the client called itself.</param>
/// <param name="ClientLibrary">Client library and version.</param>
/// <param name="PublisherId">Its publisher id.</param>
/// <param name="UserId">User of the process at the other end of a Unix socket; null: not known.</param>
/// <param name="ConnectedUnixMs">When it connected.</param>
internal readonly record struct KeptOwner(
    long SessionId, string ClientName, string ClientLibrary, ulong PublisherId, uint? UserId, long ConnectedUnixMs);
