namespace NexusD.Transport;

/// <summary>Why a connection ended.</summary>
public enum StreamCloseReason
{
    /// <summary>This side closed it, after everything was sent or because the consumer said so.</summary>
    Local,

    /// <summary>The peer ended its side, and everything due to it was sent.</summary>
    EndOfStream,

    /// <summary>The peer closed or reset the connection while it was in use.</summary>
    Reset,

    /// <summary>The peer took nothing for the time-out while the connection was being closed.</summary>
    Stuck,
}
