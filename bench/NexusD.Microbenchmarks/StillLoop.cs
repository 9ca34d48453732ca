using NexusD.Loops;
using NexusD.Peering;

namespace NexusD.Microbenchmarks;

/// <summary>A loop whose time stands and whose turns the benchmark ends itself.</summary>
internal sealed class StillLoop : IMeshLoop
{
    public long NowNs => 1_000_000_000;

    public long UnixMs => 1_800_000_000_000;

    public void FlushAtEndOfTurn(ILoopFlush flush)
    {
    }

    public void Post(Action work) => work();

    public void OnWake(Action wake)
    {
    }

    public void WakeAt(long dueNs)
    {
    }
}
