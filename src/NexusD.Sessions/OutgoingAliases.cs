using System.Runtime.CompilerServices;
using NexusD.Routing;

namespace NexusD.Sessions;

/// <summary>
/// Numbers that stand for topics on the way to a client. Given out from 1 up to the client's limit; then all are
/// forgotten and numbering starts over in a new epoch. What was written already keeps its meaning, because declarations
/// and deliveries share one stream.
/// </summary>
/// <remarks>
/// The alias of a topic is remembered in its route entry, together with the epoch; nothing is looked up per event. What
/// comes out of a queue has no route entry: for that there is a small table of the topics sent last.
/// </remarks>
internal sealed class OutgoingAliases(uint maxAliases, EpochCounter epochs)
{
    private const int RecentSize = 32;

    private Recent[]? _recent;
    private uint _next = 1;

    /// <summary>
    /// Aliases of other epochs are void, also those of other sessions: a subscription may move from one to another.
    /// </summary>
    public uint Epoch { get; private set; } = epochs.Next();

    /// <summary>
    /// The next number for a topic, which the caller declares to the client; 0: the client takes none.
    /// </summary>
    public uint Assign()
    {
        if (_next > maxAliases)
        {
            if (maxAliases == 0)
            {
                return 0;
            }

            _next = 1;
            Epoch = epochs.Next();
        }

        return _next++;
    }

    /// <summary>
    /// Looks up a topic that has no route entry at hand. An alias pays only for a topic that comes more than once: the
    /// first time none is given, the second time <paramref name="declare"/> asks for a declaration.
    /// </summary>
    public uint FindRecent(Topic topic, out bool declare)
    {
        _recent ??= new Recent[RecentSize];
        ref Recent recent = ref _recent[RuntimeHelpers.GetHashCode(topic) & (RecentSize - 1)];
        declare = false;
        if (!ReferenceEquals(recent.Topic, topic))
        {
            recent = new Recent { Topic = topic };
            return 0;
        }

        if (recent.Epoch != Epoch)
        {
            recent.Alias = Assign();
            recent.Epoch = Epoch;
            declare = recent.Alias != 0;
        }

        return recent.Alias;
    }

    private struct Recent
    {
        public Topic Topic;
        public uint Alias;
        public uint Epoch;
    }
}
