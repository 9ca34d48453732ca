namespace NexusdClient.Receiving;

/// <summary>A place in a <see cref="MessageBatch"/>: which run, and where the payload of the event lies.</summary>
internal struct BatchCursor
{
    internal int Run;
    internal int Payload;
    internal int PayloadEnd;
    internal ulong Number;

    /// <summary>Before the first event.</summary>
    internal static BatchCursor Start => new() { Run = -1 };
}
