namespace NexusD.Routing;

/// <summary>How many targets a run was handed to; the figures of ACK.</summary>
/// <param name="Local">Subscriptions of this node.</param>
/// <param name="Peers">Links to other nodes.</param>
public readonly record struct PublishOutcome(int Local, int Peers);
