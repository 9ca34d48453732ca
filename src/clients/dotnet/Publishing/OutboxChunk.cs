namespace NexusdClient.Publishing;

/// <summary>
/// A piece of the outgoing log: whole frames one after the other, appended at the end while the start is being sent.
/// The bytes never move, so a sender reads them without the lock.
/// </summary>
internal sealed class OutboxChunk
{
    /// <summary>Size of a usual chunk: two of them fit into a core's second-level cache.</summary>
    internal const int StandardBytes = 128 * 1024;

    internal OutboxChunk(int bytes) => Data = GC.AllocateUninitializedArray<byte>(bytes);

    internal byte[] Data { get; }

    /// <summary>Bytes appended.</summary>
    internal int Length { get; set; }

    /// <summary>Bytes that the socket of the present connection took.</summary>
    internal int Sent { get; set; }

    /// <summary>Position of the first byte in the log.</summary>
    internal long Base { get; set; }

    /// <summary>Number of the first event in the chunk, or of the next event while there is none.</summary>
    internal ulong FirstNumber { get; set; }

    internal OutboxChunk? Next { get; set; }

    internal int Room => Data.Length - Length;

    internal long End => Base + Length;

    internal void Restart(long position, ulong nextNumber)
    {
        Base = position;
        FirstNumber = nextNumber;
        Length = 0;
        Sent = 0;
        Next = null;
    }
}
