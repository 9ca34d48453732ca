namespace NexusD.Transport;

/// <summary>
/// What a connection's bytes go to. All calls come on the loop's thread; none may block or throw.
/// </summary>
public interface IStreamConsumer
{
    /// <summary>
    /// Takes received bytes. What is not used is shown again, with more behind it, unless reading is paused.
    /// </summary>
    /// <param name="received">The bytes, valid during the call only.</param>
    /// <param name="frameBytes">
    /// Whole length of the frame whose start was left unused, when it is known, else 0. A long frame is then received
    /// into a slab of its own and shown once it is complete.
    /// </param>
    /// <returns>How many bytes were used, from the front.</returns>
    int OnReceived(in ReceivedBytes received, out int frameBytes);

    /// <summary>
    /// The peer will send no more; it may still read. <paramref name="unusedBytes"/> of an unfinished frame are lost.
    /// </summary>
    void OnEndOfInput(int unusedBytes);

    /// <summary>
    /// The peer stopped in the middle of a long frame for the time-out of the transport; what came of it is gone, so
    /// the connection is of no use any more: close it.
    /// </summary>
    /// <param name="haveBytes">What came of the frame.</param>
    /// <param name="frameBytes">Its whole length.</param>
    void OnStalled(int haveBytes, int frameBytes);

    /// <summary>Everything appended was sent. Returns whether more was appended in this call.</summary>
    bool OnDrained();

    /// <summary>The connection is gone; called once. Nothing may be appended any more.</summary>
    void OnClosed(StreamCloseReason reason);
}
