using NexusD.Buffers;
using NexusD.Daemon.Status;
using NexusD.Routing;

namespace NexusD.Daemon;

/// <content>Who holds how much memory, for status and metrics.</content>
internal sealed partial class DaemonHost
{
    private const int LargestListed = 10;

    private void TickMemory() => _memoryTick.SetAfter(_memoryWatch.Tick(Environment.TickCount64));

    private MemoryFigures TakeMemory(bool withLargest)
    {
        MemoryBudget budget = _pool.Budget;
        long[] byKind = new long[MemoryBudget.Kinds];
        budget.Measure(byKind);
        return new MemoryFigures
        {
            Budget = budget.Limit,
            Available = _memory.Available,
            ByKind = byKind,
            Withheld = budget.Withheld,
            Ceiling = budget.IsTight ? budget.Ceiling : null,
            IsShort = budget.IsShort,
            Cuts = budget.Cuts,
            Clients = withLargest ? Apps.Largest(LargestListed) : null,
            Topics = withLargest ? LargestTopics() : null,
        };
    }

    private List<KeyValuePair<string, long>> LargestTopics()
    {
        long events = Apps.Statistics.QueuedEvents + Router.Retained.Count;
        var tally = new TopicTally((int)Math.Min(1 + (events / TopicTally.SampleSize), int.MaxValue));
        Apps.AddTo(tally);
        Router.Retained.AddTo(tally);
        return tally.Largest(LargestListed);
    }
}
