namespace NexusdClient.Receiving;

/// <summary>A run in a <see cref="MessageBatch"/>; the offsets point into the batch's bytes.</summary>
internal struct ReceivedRun
{
    internal InboundTopic Topic;
    internal RunOrigin Origin;
    internal ulong FirstNumber;
    internal int Properties;
    internal int PropertyBytes;
    internal int End;
}
