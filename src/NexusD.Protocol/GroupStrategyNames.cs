namespace NexusD.Protocol;

/// <summary>Names of group strategies, as used in options and status.</summary>
public static class GroupStrategyNames
{
    /// <summary>All names, by the number of their strategy.</summary>
    public static IReadOnlyList<string> All { get; } = ["sticky", "round-robin", "least-pending", "local-first"];

    /// <summary>The name, such as <c>round-robin</c>.</summary>
    public static string ToWireName(this GroupStrategy strategy) => All[(int)strategy];
}
