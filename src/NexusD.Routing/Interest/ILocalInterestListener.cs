using NexusD.Protocol.Topics;

namespace NexusD.Routing.Interest;

/// <summary>Is told when what this node's subscriptions want changes. Called on the router's thread.</summary>
public interface ILocalInterestListener
{
    /// <summary>The first subscription for a filter came.</summary>
    void OnFilterAdded(TopicFilter filter);

    /// <summary>The last subscription for a filter went.</summary>
    void OnFilterRemoved(TopicFilter filter);

    /// <summary>A subscription joined or left a group.</summary>
    void OnMember(in LocalMember member, bool joined);
}
