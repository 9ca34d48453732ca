namespace NexusD.Quic.Ngtcp2;

/// <summary>What a connection remembers of one stream. Pure state; <see cref="Ngtcp2Connection"/> acts on it.</summary>
internal sealed class Ngtcp2Stream(long id)
{
    public long Id { get; } = id;

    /// <summary>Bytes to send or to be acknowledged.</summary>
    public SendQueue Queue { get; } = new();

    /// <summary>The user asked for the end after the bytes queued.</summary>
    public bool FinishRequested { get; set; }

    /// <summary>The end was handed to ngtcp2.</summary>
    public bool FinishSent { get; set; }

    /// <summary>Nothing more may be written: ended, reset by us, or stopped by the peer.</summary>
    public bool WriteClosed { get; set; }

    /// <summary>We reset the sending side, so its end is no news to the user.</summary>
    public bool ResetByUs { get; set; }

    /// <summary>The user was told that the peer stopped us.</summary>
    public bool StopTold { get; set; }

    /// <summary>The user wants no more data.</summary>
    public bool ReadStopped { get; set; }

    /// <summary>The peer's credit for this stream is used up.</summary>
    public bool Blocked { get; set; }

    /// <summary>Sends before the streams that are not preferred.</summary>
    public bool IsPreferred { get; set; }

    /// <summary>In the list of streams that have something to send.</summary>
    public bool Scheduled { get; set; }

    /// <summary>Next in that list.</summary>
    public Ngtcp2Stream? NextScheduled { get; set; }

    /// <summary>Whether there is something to hand to ngtcp2.</summary>
    public bool HasWork => Queue.Unsent > 0 || (FinishRequested && !FinishSent && !WriteClosed);

    /// <summary>
    /// Bit 0 of a stream ID tells who opened it, bit 1 whether it is unidirectional (RFC 9000 section 2.1).
    /// </summary>
    public static bool IsUnidirectional(long stream) => (stream & 2) != 0;

    public static bool IsOpenedByServer(long stream) => (stream & 1) != 0;
}
