namespace NexusdClient;

/// <summary>Counters of one client since it was made.</summary>
/// <param name="Published">Events that were taken for sending.</param>
/// <param name="Refused">Events that were not taken because the buffer was full.</param>
/// <param name="Received">Events that arrived for subscriptions.</param>
/// <param name="Lost">
/// Events that the daemon reported as lost to subscriptions of this client; those that conflation replaced are not.
/// </param>
/// <param name="InDoubt">
/// Events sent without acknowledgement whose connection broke before anything later was confirmed: they may be lost.
/// </param>
/// <param name="Connections">Connections made.</param>
/// <param name="BufferedBytes">Bytes that wait to be sent or acknowledged now.</param>
public readonly record struct ClientStatistics(
    long Published, long Refused, long Received, long Lost, long InDoubt, long Connections, long BufferedBytes);
