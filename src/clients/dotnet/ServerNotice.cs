using NexusD.Protocol;

namespace NexusdClient;

/// <summary>
/// Something the daemon said on its own account: a refused fire-and-forget publish, or that it is leaving.
/// </summary>
/// <param name="Code">Error code (docs/protocol/README.md).</param>
/// <param name="Reference">Number of the first event of a refused publish, else 0.</param>
/// <param name="Text">What was wrong and what to do.</param>
public sealed record ServerNotice(ErrorCode Code, ulong Reference, string Text);
