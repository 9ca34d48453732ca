namespace NexusD.Routing.Tests.Support;

/// <summary>Counts events and allocates nothing.</summary>
internal sealed class CountingTarget : DeliveryTarget
{
    public long Events { get; private set; }

    public override void Deliver(in EventRun run, ref RouteEntry entry) => Events += run.Count;

    public override void DeliverGap(in GapNotice gap) => throw new InvalidOperationException("no gap is expected");
}
