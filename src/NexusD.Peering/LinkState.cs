namespace NexusD.Peering;

/// <summary>How a link is doing.</summary>
public enum LinkState
{
    /// <summary>QUIC handshake or HELLO is under way.</summary>
    Connecting,

    /// <summary>HELLO was accepted; the peer is heard.</summary>
    Up,

    /// <summary>Nothing was heard for <see cref="MeshOptions.SuspectAfter"/>; still in use.</summary>
    Suspect,

    /// <summary>Another link to the same node took over; what was sent on this one is still being read.</summary>
    Retiring,

    /// <summary>Gone.</summary>
    Down,
}
