using NexusD.Protocol;
using NexusD.Protocol.App;
using NexusD.Transport;

namespace NexusD.Sessions;

/// <content>
/// While the node joins or leaves the mesh no session publishes: each is read up to its first PUBLISH, and what lies
/// behind waits in the socket. Everything before it, subscriptions above all, takes effect at once. Who has hung up
/// is not held: the transport would throw away what it sent. A HELLO waits, too, while another session has its
/// publisher id.
/// </content>
internal sealed partial class AppSession
{
    private bool _waitsToPublish;
    private ulong _awaitedPublisher;
    private bool _hasAwaited;

    /// <summary>Publishes are taken again.</summary>
    public void ReleasePublishes()
    {
        if (EndWaitToPublish() && !IsHeldByQueue && !_isHeldUp)
        {
            _connection.ResumeReading();
        }
    }

    /// <summary>
    /// The node is about to leave the mesh: what waits for subscriptions is given on or counted while it still can.
    /// </summary>
    public void EndSubscriptions()
    {
        EndAllHolds();
        DetachKept(isBroken: true);
        CloseSubscriptions();
    }

    /// <summary>Tells the client at once what was lost of its events; the session is about to be closed.</summary>
    public void TellLastLosses()
    {
        if (_losses is { IsEmpty: false } && _state is State.Open or State.Draining)
        {
            WriteNotices();
            _connection.Flush();
        }
    }

    /// <summary>The publisher id that was waited for is free, or was waited for long enough.</summary>
    public void EndWaitForPublisher()
    {
        _awaitedPublisher = 0;
        _connection.ResumeReading();
    }

    /// <summary>
    /// Whether HELLO has to wait because another session has its publisher id: most likely the client's own former
    /// one, of which not everything was read yet.
    /// </summary>
    private bool WaitsForPublisher(ReadOnlySpan<byte> bytes)
    {
        if (_hasAwaited || _hasHungUp
            || FrameHeader.TryCut(bytes, _table.MaxFrameBytes, out FrameHeader header) != FrameStatus.Complete
            || header.Kind != FrameKind.Hello
            || HelloFrame.TryRead(bytes[..header.FrameBytes], out HelloFrame hello) != ErrorCode.None
            || !_table.IsInUse(hello.PublisherId)
            || !_table.Waits.TryAdd(this, hello.PublisherId))
        {
            return false;
        }

        _hasAwaited = true;
        _awaitedPublisher = hello.PublisherId;
        _connection.PauseReading();
        return true;
    }

    private int HandleUntilPublish(in ReceivedBytes received, int used, out int frameBytes)
    {
        int end = used;
        while (true)
        {
            ReadOnlySpan<byte> rest = received.Bytes[end..];
            if (FrameHeader.TryCut(rest, _table.MaxFrameBytes, out FrameHeader header) != FrameStatus.Complete)
            {
                return HandleFrames(received, used, out frameBytes);
            }

            if (header.Kind == FrameKind.Publish)
            {
                break;
            }

            end += header.FrameBytes;
        }

        frameBytes = 0;
        if (end > used)
        {
            used = HandleFrames(new ReceivedBytes(received.Bytes[..end], null), used, out _);
        }

        if (_state >= State.Draining)
        {
            return received.Bytes.Length;
        }

        if (used == end)
        {
            WaitToPublish();
        }

        return used;
    }

    private void WaitToPublish()
    {
        _connection.PauseReading();
        if (!_waitsToPublish)
        {
            _waitsToPublish = true;
            _table.Held.Add(this);
        }
    }

    private bool EndWaitToPublish()
    {
        bool waited = _waitsToPublish;
        _waitsToPublish = false;
        if (waited)
        {
            _table.Held.Remove(this);
        }

        return waited;
    }
}
