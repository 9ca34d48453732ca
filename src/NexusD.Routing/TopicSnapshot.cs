namespace NexusD.Routing;

/// <summary>A topic at one moment, for status.</summary>
/// <param name="Topic">Its name.</param>
/// <param name="Subscriptions">Subscriptions of this node that match it.</param>
/// <param name="Peers">Peers that want it.</param>
/// <param name="IsRetained">Whether a retained event of it is kept.</param>
/// <param name="Groups">Groups that want it.</param>
public readonly record struct TopicSnapshot(
    string Topic, int Subscriptions, int Peers, bool IsRetained, int Groups = 0);
