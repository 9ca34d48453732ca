namespace NexusD.Routing.Tests.Support;

/// <summary>A link that writes down what it is to carry: <c>topic:members</c>, <c>!</c> for members only.</summary>
internal sealed class RecordingLink : DeliveryTarget
{
    public List<string> Log { get; } = [];

    public int Redirects { get; private set; }

    public override void Deliver(in EventRun run, ref RouteEntry entry) => Log.Add(run.Topic.Text);

    public override void DeliverToMembers(
        in EventRun run, ref RouteEntry entry, ReadOnlySpan<uint> members, bool membersOnly, int redirects)
    {
        Redirects = redirects;
        Log.Add($"{run.Topic.Text}:{string.Join(',', members.ToArray())}{(membersOnly ? "!" : "")}");
    }

    public override void DeliverGap(in GapNotice gap) => Log.Add($"gap {gap.From}-{gap.To}");
}
