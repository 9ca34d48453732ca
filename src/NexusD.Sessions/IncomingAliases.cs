using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using NexusD.Buffers;
using NexusD.Routing;

namespace NexusD.Sessions;

/// <summary>
/// The topics that a client declared by number (docs/protocol/README.md "Topic aliases"). Grows with what is declared,
/// in pages of 2 KiB.
/// </summary>
internal sealed class IncomingAliases(int maxAliases)
{
    private const int PageBits = 8;
    private const int PageSize = 1 << PageBits;

    private const int PageBytes = PageSize * 8;

    private Topic?[]?[] _pages = [];

    /// <summary>Highest alias.</summary>
    public int Max => maxAliases;

    /// <summary>What the table holds, in bytes.</summary>
    public long Bytes { get; private set; }

    /// <summary>The topic of an alias; null when it was not declared or is above the limit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Topic? Find(uint alias)
    {
        Topic?[]?[] pages = _pages;
        uint page = alias >> PageBits;
        return page < (uint)pages.Length && pages[page] is { } topics ? Place(topics, alias) : null;
    }

    /// <summary>Brings the place of an alias into the cache; any number will do.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Prefetch(uint alias)
    {
        Topic?[]?[] pages = _pages;
        uint page = alias >> PageBits;
        if (page < (uint)pages.Length && pages[page] is { } topics)
        {
            CacheLine.Prefetch(ref Place(topics, alias));
        }
    }

    /// <summary>Declares an alias, also anew; false when it is 0 or above the limit.</summary>
    public bool TrySet(uint alias, Topic topic)
    {
        if (alias == 0 || alias > (uint)maxAliases)
        {
            return false;
        }

        int page = (int)(alias >> PageBits);
        if (page >= _pages.Length)
        {
            int most = (maxAliases >> PageBits) + 1;
            Array.Resize(ref _pages, Math.Min(most, Math.Max(page + 1, _pages.Length * 2)));
        }

        if (_pages[page] is not { } topics)
        {
            _pages[page] = topics = new Topic?[PageSize];
            Bytes += PageBytes;
        }

        ref Topic? place = ref topics[alias & (PageSize - 1)];
        Bytes += topic.Utf8.Length - (place?.Utf8.Length ?? 0);
        place = topic;
        return true;
    }

    // Every page has PageSize places. A check against its length would load the start of the page, which with many
    // topics is one more line that is not in the cache.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref Topic? Place(Topic?[] page, uint alias) =>
        ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(page), alias & (PageSize - 1));
}
