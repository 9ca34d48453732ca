using NexusD.Buffers;

namespace NexusD.Sessions;

/// <summary>
/// What the sessions of a table hold, for the memory budget; shortens the queues of their subscriptions.
/// </summary>
internal sealed class SessionMemory : IMemoryHolder
{
    // Measured on 64 bits: session, connection and watch; subscription with its place in the session.
    private const int SessionBytes = 3 * 1024;
    private const int SubscriptionBytes = 384;
    private const int ResumeEntryBytes = 96;

    private const int LeastWindowBytes = 4 * 1024;
    private const int WindowsInBudget = 256;
    private const int AliasesInBudget = 16 * 64;

    /// <summary>Why something new is refused, and what to do.</summary>
    public const string NoRoomText =
        "The daemon's memory is used up; nexusctl status shows by whom. Try again later or raise --memory-budget.";

    private readonly SessionTable _table;
    private readonly int _standardWindow;

    public SessionMemory(SessionTable table)
    {
        _table = table;
        WindowBytes = _standardWindow = (int)Math.Clamp(
            table.Budget.Limit / WindowsInBudget, 4 * LeastWindowBytes, SendWindow.MinBytes);
    }

    /// <summary>Bytes that may be on their way to a client whose speed is not known.</summary>
    public int WindowBytes { get; private set; }

    /// <summary>Aliases of all sessions together.</summary>
    public long MostAliases(long most) => Math.Min(most, _table.Budget.Limit / AliasesInBudget);

    /// <summary>What a new session or subscription is expected to hold, before it does.</summary>
    public bool MayGrow(bool isSession)
    {
        _table.Budget.NoteGrowth(isSession ? SessionBytes : 2 * SubscriptionBytes);
        if (_table.Budget.IsDue)
        {
            _table.Budget.Settle();
        }

        return !_table.Budget.IsShort;
    }

    /// <inheritdoc/>
    public void AddHeld(Span<long> bytesByKind)
    {
        long aliases = 0;
        foreach (AppSession session in _table.Sessions)
        {
            aliases += session.AliasBytes + session.UnusedBytes;
        }

        bytesByKind[(int)MemoryKind.Sessions] += aliases + ((long)_table.Sessions.Count * SessionBytes);
        bytesByKind[(int)MemoryKind.Filters] += (_table.Statistics.Subscriptions * SubscriptionBytes)
            + ((long)_table.ResumeEntries * ResumeEntryBytes);
    }

    /// <inheritdoc/>
    public void ShrinkCaches(long bytes)
    {
    }

    /// <inheritdoc/>
    public void AddLines(MemoryLevels levels)
    {
        foreach (AppSession session in _table.Sessions)
        {
            foreach (Subscription subscription in session.Subscriptions)
            {
                levels.Add(subscription.DroppableBytes);
            }
        }

        foreach (Subscription kept in _table.Kept.Waiting)
        {
            levels.Add(kept.Session is null ? kept.DroppableBytes : 0);
        }
    }

    /// <inheritdoc/>
    public void Lower(long ceiling)
    {
        WindowBytes = (int)Math.Clamp(ceiling, LeastWindowBytes, _standardWindow);
        foreach (AppSession session in _table.Sessions)
        {
            session.SetWindow(WindowBytes);
            foreach (Subscription subscription in session.Subscriptions)
            {
                subscription.Lower(ceiling);
            }
        }

        foreach (Subscription kept in _table.Kept.Waiting)
        {
            kept.Lower(ceiling);
        }
    }
}
