namespace NexusD.Peering.Links;

/// <summary>What leaves at the end of a turn; events go by way of the <see cref="PeerChannel"/>.</summary>
internal sealed partial class PeerLink
{
    private bool _dirty;

    public void OnEndOfTurn()
    {
        _dirty = false;
        FlushStreams();
    }

    /// <summary>Bytes written and not acknowledged by QUIC, or waiting for the end of the turn.</summary>
    private long Backlog() =>
        _control.Waiting + (_channel?.WaitingBytes() ?? 0) + (_connection?.UnacknowledgedBytes ?? 0);

    private void MarkDirty()
    {
        if (!_dirty && _phase < LinkPhase.Closing)
        {
            _dirty = true;
            _mesh.Loop.FlushAtEndOfTurn(this);
        }
    }

    private void FlushStreams()
    {
        if (_phase is < LinkPhase.AwaitingHello or >= LinkPhase.Closing)
        {
            return;
        }

        if (_ackDue)
        {
            WriteLaneAck();
        }

        _control.Flush();
    }
}
