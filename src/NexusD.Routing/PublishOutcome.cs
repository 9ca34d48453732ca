namespace NexusD.Routing;

/// <summary>How many targets a run was handed to; the figures of ACK.</summary>
/// <param name="Local">Subscriptions of this node.</param>
/// <param name="Peers">Links to other nodes.</param>
public readonly record struct PublishOutcome(int Local, int Peers)
{
    /// <summary>The larger figures of two parts of a run.</summary>
    internal PublishOutcome Or(PublishOutcome other) =>
        new(Math.Max(Local, other.Local), Math.Max(Peers, other.Peers));
}
