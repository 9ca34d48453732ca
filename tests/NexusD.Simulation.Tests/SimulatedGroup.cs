using NexusD.Protocol;
using NexusD.Protocol.Topics;
using NexusD.Routing;

namespace NexusD.Simulation.Tests;

/// <summary>A group over the whole mesh: each of its events goes to one member, and none to two.</summary>
internal sealed class SimulatedGroup(string filter)
{
    private readonly HashSet<(ulong Publisher, ulong Number)> _had = [];

    public GroupFilter Filter { get; } = GroupFilter.Parse(filter);

    /// <summary>All members that ever were.</summary>
    public List<SimulatedMember> Members { get; } = [];

    public bool HasLivingMember => Members.Exists(static m => m.IsAlive);

    /// <summary>A member has an event. False when the group had it before.</summary>
    public bool Take(ulong publisher, ulong number) => _had.Add((publisher, number));

    /// <summary>With nothing in the way an event of the group has arrived.</summary>
    public void CheckArrived(SimulatedPublisher publisher, ulong number)
    {
        string topic = publisher.Events[(int)number - 1].Topic;
        if (HasLivingMember && Filter.Filter.Matches(System.Text.Encoding.UTF8.GetBytes(topic))
            && !_had.Contains((publisher.Id, number)))
        {
            throw new SimulationFailure($"no member of {Filter} got number {number} of {topic}", publisher.Id);
        }
    }
}

/// <summary>A member of a group; takes everything at once.</summary>
internal sealed class SimulatedMember : DeliveryTarget
{
    private readonly SimulatedGroup _group;

    public SimulatedMember(SimulatedNode node, SimulatedGroup group, GroupStrategy strategy)
    {
        Node = node;
        _group = group;
        Name = $"member {group.Members.Count} of {group.Filter}";
        group.Members.Add(this);
        node.Inner.Router.Join(this, group.Filter, strategy);
    }

    public SimulatedNode Node { get; }

    public string Name { get; }

    public bool IsClosed { get; private set; }

    public bool IsAlive => Node.IsAlive && !IsClosed;

    public override void Deliver(in EventRun run, ref RouteEntry entry)
    {
        SimulatedPublisher publisher = Node.Run.PublisherOf(run.Publisher);
        for (int i = 0; i < run.Count; i++)
        {
            ulong number = run.Number + (ulong)i;
            Node.Run.History.Note(Node.Name, $"{Name} gets", run.Publisher, number, run.Topic.Text);
            if (number > (ulong)publisher.Events.Count || publisher.Events[(int)number - 1].Topic != run.Topic.Text
                || !_group.Filter.Filter.Matches(run.Topic.Utf8))
            {
                throw Failure($"got number {number}, which is not what was published for it", run.Publisher);
            }

            if (IsClosed)
            {
                throw Failure($"got number {number} after it had left", run.Publisher);
            }

            if (!_group.Take(run.Publisher, number))
            {
                throw Failure($"got number {number}, which the group had before", run.Publisher);
            }
        }
    }

    public override void DeliverGap(in GapNotice gap) => Node.Run.History.Note(
        Node.Name, $"{Name} is told {gap.Count} lost up to {gap.To}, {gap.Reason} at {gap.Where},",
        gap.Publisher, gap.From);

    /// <summary>It leaves, or its process is gone.</summary>
    public void Leave()
    {
        IsClosed = true;
        Node.Inner.Router.Unsubscribe(this);
    }

    private SimulationFailure Failure(string what, ulong publisher) =>
        new($"{Name} at {Node.Name} {what}", publisher);
}
