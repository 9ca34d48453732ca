using System.Runtime.CompilerServices;
using NexusD.Routing.Trie;

namespace NexusD.Routing.Topics;

/// <summary>
/// The counters that concern one topic, by the hash of its first level, its first two, and the whole name.
/// </summary>
internal readonly record struct VersionCells(ushort First, ushort Second, ushort Whole);

/// <summary>
/// Tells whether a route that was resolved earlier still holds, without touching the topics when subscriptions change.
/// </summary>
/// <remarks>
/// A change of a filter moves one counter: that of the whole name if the filter has no wildcard, else that of the
/// levels before its first wildcard (two at most), else the one for all. The version of a topic is the sum of the four
/// counters that may concern it; counters only grow, so an equal sum means that none of them moved. Topics that share a
/// counter by chance are resolved once too often, which is harmless. So subscriptions that come and go under one branch
/// leave the routes of the others alone.
/// </remarks>
internal sealed class RouteVersions
{
    private const int Cells = 4096;

    private readonly long[] _cells = new long[Cells];
    private long _all;
    private long _changes;

    /// <summary>
    /// Whether the topic's route still holds. Between two changes a look at the topic alone tells: the counters of
    /// topics drawn at random would be one cache miss more for each event.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Holds(Topic topic) => topic.HeldAt == _changes || StillHolds(topic);

    public long Of(Topic topic)
    {
        long[] cells = _cells;
        VersionCells at = topic.Cells;
        return _all + cells[at.First] + cells[at.Second] + cells[at.Whole];
    }

    /// <summary>Makes every route stale.</summary>
    public void ChangeAll()
    {
        _all++;
        _changes++;
    }

    /// <summary>Makes the routes stale that a change of this filter may touch.</summary>
    [SkipLocalsInit]
    public void Change(ReadOnlySpan<byte> filter)
    {
        Span<LevelPart> parts = stackalloc LevelPart[LevelPart.MaxLevels];
        int levels = LevelPart.Split(filter, parts);
        int literals = 0;
        while (literals < levels && parts[literals].Of(filter) is not ([(byte)'*'] or [(byte)'#']))
        {
            literals++;
        }

        _changes++;
        if (literals == 0)
        {
            _all++;
        }
        else if (literals == levels)
        {
            _cells[WholeCell(LevelHash.Compute(filter))]++;
        }
        else
        {
            _cells[literals == 1 ? FirstCell(parts[0]) : SecondCell(parts[0], parts[1])]++;
        }
    }

    [SkipLocalsInit]
    public static VersionCells CellsOf(ReadOnlySpan<byte> name, uint hash)
    {
        Span<LevelPart> parts = stackalloc LevelPart[LevelPart.MaxLevels];
        int levels = LevelPart.Split(name, parts);
        ushort first = FirstCell(parts[0]);
        return new VersionCells(first, levels > 1 ? SecondCell(parts[0], parts[1]) : first, WholeCell(hash));
    }

    private bool StillHolds(Topic topic)
    {
        if (topic.RouteVersion != Of(topic))
        {
            return false;
        }

        topic.HeldAt = _changes;
        return true;
    }

    private static ushort FirstCell(LevelPart first) => (ushort)(first.Hash % Cells);

    private static ushort SecondCell(LevelPart first, LevelPart second) =>
        (ushort)(((first.Hash * 31) + second.Hash + 1) % Cells);

    private static ushort WholeCell(uint hash) => (ushort)((hash ^ 0x5BD1E995) % Cells);
}
