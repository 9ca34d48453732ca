namespace NexusdClient;

/// <summary>
/// What the local daemon answered: it accepted the event and put it into the queues of <see cref="Local"/>
/// subscriptions on its node and of <see cref="Peers"/> links to other nodes. It does not say that a subscriber has it.
/// </summary>
/// <param name="Local">Subscriptions of the local daemon that the event went to.</param>
/// <param name="Peers">Other nodes that the event went to.</param>
/// <param name="Number">The publisher's number of the event.</param>
public readonly record struct PublishResult(int Local, int Peers, ulong Number);
