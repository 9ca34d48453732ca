namespace NexusD.Sessions;

/// <summary>
/// How many bytes may wait for one socket before subscriptions queue. Grows for a client that takes much in a short
/// time and shrinks for one that does not.
/// </summary>
/// <remarks>
/// What waits here is out of the reach of overflow policies, priorities and time to live, so it must be little in time:
/// at most about <see cref="PatienceNs"/> of what the client takes. But the queues cost several times as much per
/// event, above all where ten thousand subscriptions have one event each.
/// </remarks>
internal struct SendWindow
{
    /// <summary>Window of a client whose speed is not known, in bytes, where memory is no concern.</summary>
    public const int MinBytes = 256 * 1024;

    /// <summary>Largest window in bytes.</summary>
    public const int MaxBytes = 4 * 1024 * 1024;

    /// <summary>A window must have been taken within this time to be doubled.</summary>
    public const long PatienceNs = 50_000_000;

    private long _markNs;
    private long _markSentBytes;
    private int _least;

    /// <param name="least">Window of a client whose speed is not known.</param>
    public SendWindow(int least) => Bytes = _least = least;

    /// <summary>Bytes that may wait.</summary>
    public int Bytes { get; private set; }

    /// <summary>
    /// The window is full and the socket takes nothing more. Returns whether it has become larger.
    /// </summary>
    /// <param name="nowNs">Monotonic time.</param>
    /// <param name="sentBytes">What the client has taken since it connected.</param>
    /// <param name="allowance">What all windows together may have beyond the least; changed.</param>
    public bool TryGrow(long nowNs, long sentBytes, ref long allowance)
    {
        long taken = sentBytes - _markSentBytes;
        bool isFast = taken >= Bytes;
        if (!isFast && nowNs - _markNs <= PatienceNs)
        {
            return false;
        }

        bool isRecent = nowNs - _markNs <= PatienceNs;
        _markNs = nowNs;
        _markSentBytes = sentBytes;
        if (isFast && isRecent && Bytes < MaxBytes && allowance >= Bytes)
        {
            allowance -= Bytes;
            Bytes *= 2;
            return true;
        }

        if (!isFast && taken < Bytes / 4)
        {
            Reset(ref allowance);
        }

        return false;
    }

    /// <summary>Goes back to the least and gives back what it had beyond.</summary>
    public void Reset(ref long allowance)
    {
        allowance += Bytes - _least;
        Bytes = _least;
    }

    /// <summary>Goes to another least window.</summary>
    public void SetLeast(int least, ref long allowance)
    {
        Reset(ref allowance);
        Bytes = _least = least;
    }
}
