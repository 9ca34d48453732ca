namespace NexusD.Protocol;

/// <summary>Names of overflow policies, as used in options and status.</summary>
public static class OverflowPolicyNames
{
    /// <summary>All names, by the number of their policy.</summary>
    public static IReadOnlyList<string> All { get; } = ["drop-oldest", "drop-newest", "block", "conflate"];

    /// <summary>The name, such as <c>drop-oldest</c>.</summary>
    public static string ToWireName(this OverflowPolicy policy) => All[(int)policy];

    /// <summary>The policy of a name; false when there is none. Case does not count.</summary>
    public static bool TryParse(string name, out OverflowPolicy policy)
    {
        for (int i = 0; i < All.Count; i++)
        {
            if (All[i].Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                policy = (OverflowPolicy)i;
                return true;
            }
        }

        policy = default;
        return false;
    }
}
