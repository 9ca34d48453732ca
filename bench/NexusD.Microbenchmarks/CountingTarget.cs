using NexusD.Routing;

namespace NexusD.Microbenchmarks;

/// <summary>The cheapest target there is, so that the figures are those of the router.</summary>
internal sealed class CountingTarget : DeliveryTarget
{
    public long Events { get; private set; }

    public override void Deliver(in EventRun run, ref RouteEntry entry) => Events += run.Count;

    public override void DeliverGap(in GapNotice gap) => Events += 0;
}
