namespace NexusD.Daemon.Status;

/// <summary>A topic in the answer to the query <c>topics</c>.</summary>
internal sealed record TopicEntry(string Topic, int Subscriptions, int Peers, bool Retained, int Groups);
