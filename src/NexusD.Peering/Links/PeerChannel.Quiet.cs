namespace NexusD.Peering.Links;

/// <summary>
/// Whether groups may count on the members behind the link: not while it is down, and not while the peer is slow to
/// acknowledge. That is known long before the link is given up, and costs nothing but that other members get more.
/// </summary>
internal sealed partial class PeerChannel
{
    /// <summary>Lanes are acknowledged at least every 50 ms; a peer that takes so much longer does not hear.</summary>
    internal const long QuietNs = 500_000_000;

    private long _awaitingAckSinceNs = long.MaxValue;

    /// <summary>Looks whether the peer has become quiet; returns when to look again.</summary>
    public long TickQuiet(long nowNs)
    {
        if (_awaitingAckSinceNs == long.MaxValue)
        {
            return long.MaxValue;
        }

        long quietAtNs = _awaitingAckSinceNs + QuietNs;
        if (nowNs < quietAtNs)
        {
            return quietAtNs;
        }

        _mesh.Router.SetAvailable(this, false);
        return long.MaxValue;
    }

    /// <summary>Something was handed to the link: an acknowledgement is to come.</summary>
    private void ExpectAck()
    {
        if (_awaitingAckSinceNs == long.MaxValue && QueuedBytes > 0 && IsFlowing)
        {
            _awaitingAckSinceNs = _mesh.Loop.NowNs;
            Link!.WakeBy(_awaitingAckSinceNs + QuietNs);
        }
    }

    /// <summary>The peer has acknowledged something, or said where it stands.</summary>
    private void NoteAck()
    {
        _awaitingAckSinceNs = long.MaxValue;
        _mesh.Router.SetAvailable(this, true);
        ExpectAck();
    }
}
