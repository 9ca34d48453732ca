using NexusD.Loops;
using NexusD.Protocol.Peer;
using NexusD.Protocol.Topics;
using NexusD.Routing.Interest;

namespace NexusD.Peering.Links;

/// <summary>Collects the changes of local interest during a turn and gives them to all links at its end.</summary>
internal sealed class InterestFeed(MeshContext mesh, Action<InterestBatch> tell) : ILocalInterestListener, ILoopFlush
{
    private readonly InterestBatch _changes = new(mesh.Pool);
    private bool _asked;

    public void OnFilterAdded(TopicFilter filter) => Add(InterestChange.Add, filter);

    public void OnFilterRemoved(TopicFilter filter) => Add(InterestChange.Remove, filter);

    public void OnEndOfTurn() => Flush();

    /// <summary>Tells what was collected; before a snapshot, so that no change is in both.</summary>
    public void Flush()
    {
        _asked = false;
        if (_changes.Count > 0)
        {
            tell(_changes);
            _changes.Clear();
        }
    }

    /// <summary>Throws away what was collected; nobody is left to be told.</summary>
    public void Discard() => _changes.Clear();

    private void Add(InterestChange change, TopicFilter filter)
    {
        _changes.Add(change, filter);
        if (!_asked)
        {
            _asked = true;
            mesh.Loop.FlushAtEndOfTurn(this);
        }
    }
}
