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

    public void OnFilterAdded(TopicFilter filter)
    {
        _changes.Add(InterestChange.Add, filter);
        AskForFlush();
    }

    public void OnFilterRemoved(TopicFilter filter)
    {
        _changes.Add(InterestChange.Remove, filter);
        AskForFlush();
    }

    public void OnMember(in LocalMember member, bool joined)
    {
        _changes.Add(joined ? InterestChange.Join : InterestChange.Leave, member);
        AskForFlush();
    }

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

    private void AskForFlush()
    {
        if (!_asked)
        {
            _asked = true;
            mesh.Loop.FlushAtEndOfTurn(this);
        }
    }
}
