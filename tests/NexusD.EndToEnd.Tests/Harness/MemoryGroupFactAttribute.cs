namespace NexusD.EndToEnd.Tests.Harness;

/// <summary>
/// A test that runs daemons in control groups with a memory limit, for which it must be root; elsewhere it is reported
/// as skipped with the reason.
/// </summary>
internal sealed class MemoryGroupFactAttribute : FactAttribute
{
    private static readonly string? _missing = MemoryGroup.FindMissing();

    public MemoryGroupFactAttribute() => Skip = _missing;
}
