namespace NexusdClient;

/// <summary>Where the client stands with its daemon.</summary>
public enum ConnectionState
{
    /// <summary>Nothing was asked of the client yet, so it did not connect.</summary>
    Idle,

    /// <summary>The first connection is being made.</summary>
    Connecting,

    /// <summary>The daemon answered; events flow.</summary>
    Connected,

    /// <summary>The connection was lost or refused; the next attempt comes by itself.</summary>
    Reconnecting,

    /// <summary>The client was disposed.</summary>
    Closed,
}
