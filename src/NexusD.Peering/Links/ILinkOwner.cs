namespace NexusD.Peering.Links;

/// <summary>What a link asks of, and tells, the mesh that it belongs to.</summary>
internal interface ILinkOwner
{
    /// <summary>Port that this node listens on, for HELLO.</summary>
    int MeshPort { get; }

    /// <summary>The QUIC handshake is complete.</summary>
    void Connected(PeerLink link);

    /// <summary>
    /// The peer's HELLO is good in itself; may the link live? A fault says why not. When it may, the link is up on
    /// return.
    /// </summary>
    LinkFault Admit(PeerLink link);

    /// <summary>
    /// The link is no longer of use: it failed, was closed or lost. Called once, also for links that never were up.
    /// </summary>
    void Gone(PeerLink link, LinkEnd end);

    /// <summary>The link wants its <see cref="PeerLink.Tick"/> by that time.</summary>
    void WakeBy(long dueNs);
}

/// <summary>How a link ended.</summary>
/// <param name="Outcome">For the dialer.</param>
/// <param name="Reason">For a person.</param>
internal readonly record struct LinkEnd(Dialing.DialOutcome Outcome, string Reason);
