using NexusD.Daemon.Options;

namespace NexusD.Daemon;

/// <summary>How much memory the daemon may have, and how much of it is for what grows with events.</summary>
/// <param name="Budget">Bytes for events, sessions, links, topics and filters together.</param>
/// <param name="Available">Bytes that the process may have: of its control group, else of the machine.</param>
/// <param name="IsGroup">Whether that is a control group's limit.</param>
internal readonly record struct MemoryPlan(long Budget, long Available, bool IsGroup)
{
    /// <summary>Least budget in bytes.</summary>
    public const long LeastBudget = 8L << 20;

    /// <summary>
    /// What the program takes whatever it does, in bytes: code, runtime, certificates, and room for the managed heap to
    /// be collected in.
    /// </summary>
    private const long ProgramBytes = 24L << 20;

    // Sockets' buffers in the kernel count against a control group, too.
    private const int KernelPart = 8;
    private const int LeastPart = 4;
    private const int MachinePart = 4;
    private const long WithoutAnyFigure = 1L << 30;

    /// <summary>Bytes that the process may hold beside the budget.</summary>
    public long BesideBudget => Math.Max(0, Available - Budget);

    /// <summary>
    /// Most bytes for the managed heap. It holds less than the budget; the bound only makes the runtime collect in
    /// time.
    /// </summary>
    public long HeapLimit => Math.Min(Budget + ProgramBytes, Math.Max(Available / 4 * 3, ProgramBytes));

    // Tables that forget what was used longest ago have shares of their own, at the bounds they have without a budget.

    /// <summary>Retained events are not given up for others, so they have a fixed share.</summary>
    public long MaxRetainedBytes => Budget / 8 * 3;

    /// <inheritdoc cref="NexusD.Routing.RouterOptions.MaxRecoveryBytes"/>
    public long MaxRecoveryBytes => Budget / 8;

    /// <inheritdoc cref="NexusD.Sessions.SessionOptions.MaxKeptBytes"/>
    public long MaxKeptBytes => Budget / 4;

    /// <inheritdoc cref="NexusD.Routing.RouterOptions.MaxTopics"/>
    public int MaxTopics => Share(8 * 280, 262_144);

    /// <inheritdoc cref="NexusD.Routing.RouterOptions.MaxRouteEntries"/>
    public int MaxRouteEntries => Share(16 * 24, 2_097_152);

    /// <inheritdoc cref="NexusD.Routing.RouterOptions.MaxPublishers"/>
    public int MaxPublishers => Share(32 * 168, 65_536);

    /// <inheritdoc cref="NexusD.Peering.MeshOptions.MaxFiltersPerPeer"/>
    public int MaxFiltersPerPeer => Share(16 * 320, 1_048_576);

    /// <summary>Bytes of topic and filter text that one peer may make this node keep.</summary>
    public long MaxTextBytesPerPeer => Math.Clamp(Budget / 16, 1L << 20, 64L << 20);

    /// <summary>The plan for the options, on this machine.</summary>
    /// <param name="options">Valid ones.</param>
    /// <param name="root">Where the file system starts; another one in tests.</param>
    public static MemoryPlan From(OptionSet options, string root = "/") =>
        From(options.Get(OptionTable.MemoryBudget), CgroupMemory.Limit(root), CgroupMemory.OfMachine(root));

    private int Share(int bytesOfBudget, int most) => (int)Math.Min(Budget / bytesOfBudget, most);

    /// <summary>The plan.</summary>
    /// <param name="asked">Bytes that were asked for; <see cref="OptionReaders.AutoSize"/>: derived.</param>
    /// <param name="group">Limit of the control group.</param>
    /// <param name="machine">Memory of the machine.</param>
    public static MemoryPlan From(long asked, double group, double machine)
    {
        bool isGroup = group < machine;
        double available = Math.Min(group, machine);
        long bytes = double.IsFinite(available) ? (long)available : WithoutAnyFigure * MachinePart;
        long derived = isGroup
            ? Math.Max(bytes - ProgramBytes - (bytes / KernelPart), bytes / LeastPart)
            : bytes / MachinePart;
        return new MemoryPlan(
            asked == OptionReaders.AutoSize ? Math.Max(derived, LeastBudget) : asked, bytes, isGroup);
    }
}
