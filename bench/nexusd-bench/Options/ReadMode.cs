namespace NexusdBench;

/// <summary>Which of the client's ways of reading a subscriber uses.</summary>
internal enum ReadMode
{
    /// <summary>A handler on the reading thread.</summary>
    Handler,

    /// <summary><c>SubscribeBatches</c>.</summary>
    Batches,

    /// <summary><c>Subscribe</c>, an object per event.</summary>
    Events,
}
