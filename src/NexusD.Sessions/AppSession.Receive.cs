using NexusD.Protocol;
using NexusD.Protocol.Greetings;
using NexusD.Transport;

namespace NexusD.Sessions;

/// <content>From bytes to frames, in place: nothing is copied before it is routed.</content>
internal sealed partial class AppSession
{
    /// <summary>Answers that a client may leave unread before nothing more is read from it, in bytes.</summary>
    private const int MaxUnreadAnswerBytes = 256 * 1024;

    private bool _isHeldUp;

    /// <inheritdoc/>
    public int OnReceived(in ReceivedBytes received, out int frameBytes)
    {
        frameBytes = 0;
        LastHeardNs = _table.Loop.NowNs;
        if (_state >= State.Draining)
        {
            return received.Bytes.Length;
        }

        int used = 0;
        if (_state == State.Greeting && !TryGreet(received.Bytes, out used))
        {
            return used;
        }

        if (_state == State.Hello && WaitsForPublisher(received.Bytes[used..]))
        {
            return used;
        }

        _table.BeginBatch();
        _table.Publishing = this;
        used = _table.HoldsPublishes && !_hasHungUp
            ? HandleUntilPublish(received, used, out frameBytes)
            : HandleFrames(received, used, out frameBytes);
        _table.Publishing = null;
        return used;
    }

    private int HandleFrames(in ReceivedBytes received, int used, out int frameBytes)
    {
        frameBytes = 0;
        var lookahead = new RouteLookahead(received.Bytes[used..], _incoming);
        while (true)
        {
            lookahead.Step();
            ReadOnlySpan<byte> rest = received.Bytes[used..];
            FrameStatus status = FrameHeader.TryCut(rest, _table.MaxFrameBytes, out FrameHeader header);
            if (status != FrameStatus.Complete)
            {
                return EndBatch(status, header, used, received.Bytes.Length, out frameBytes);
            }

            HandleFrame(rest[..header.FrameBytes], header, received, used);
            used += header.FrameBytes;
            if (_state >= State.Draining)
            {
                return received.Bytes.Length;
            }

            if (IsHeldByQueue || (_unreadAnswerBytes > MaxUnreadAnswerBytes && IsHeldUp()))
            {
                return used;
            }
        }
    }

    private int EndBatch(FrameStatus status, in FrameHeader header, int used, int length, out int frameBytes)
    {
        frameBytes = 0;
        switch (status)
        {
            case FrameStatus.NeedMore:
                frameBytes = length - used >= FrameHeader.Size ? header.FrameBytes : 0;
                return used;
            case FrameStatus.TooLarge:
                Fail(ErrorCode.FrameTooLarge, $"A frame may have {_table.MaxFrameBytes} bytes at most; this one says "
                    + $"{(long)header.Length + FrameHeader.LengthFieldBytes}. Send large data in pieces.");
                return length;
            default:
                Fail(ErrorCode.Malformed, "This is no frame: the length is below 4 or the kind can never be. "
                    + "The stream lost step.");
                return length;
        }
    }

    /// <summary>A client that does not read its answers is not listened to until it does.</summary>
    private bool IsHeldUp()
    {
        if (_connection.Flush())
        {
            _unreadAnswerBytes = 0;
            return false;
        }

        _isHeldUp = true;
        _connection.PauseReading();
        return true;
    }

    private bool TryGreet(ReadOnlySpan<byte> bytes, out int used)
    {
        used = 0;
        GreetingKind kind = ClientGreeting.Detect(bytes, out ClientGreeting greeting);
        switch (kind)
        {
            case GreetingKind.NeedMore:
                return false;
            case GreetingKind.NexusD:
                used = ClientGreeting.Size;
                byte version = greeting.ChosenVersion;
                WriteGreeting(version);
                if (version != 0)
                {
                    _state = State.Hello;
                    return true;
                }

                Fail(ErrorCode.UnsupportedVersion, $"This daemon speaks version {ProtocolLimits.Version} of the app "
                    + $"protocol, the client {greeting.MinVersion} to {greeting.MaxVersion}. Update the older one.");
                break;
            default:
                CountRefusal(ErrorCode.BadGreeting);
                WriteRaw(ForeignGreeting.RefusalFor(kind));
                _state = State.Closing;
                _connection.CloseAfterFlush();
                break;
        }

        used = bytes.Length;
        return false;
    }

    private void HandleFrame(ReadOnlySpan<byte> frame, in FrameHeader header, in ReceivedBytes received, int offset)
    {
        if (header.Kind == FrameKind.Publish && _state == State.Open)
        {
            OnPublish(frame, received.Slab, offset);
            return;
        }

        if (header.Kind == FrameKind.Hello ? _state != State.Hello : _state != State.Open && IsKnown(header.Kind))
        {
            Fail(ErrorCode.OutOfOrder, header.Kind == FrameKind.Hello
                ? "HELLO came twice; it is the first frame of a connection and only that."
                : "The first frame must be HELLO.");
            return;
        }

        HandleCommand(frame, header.Kind);
    }

    private void HandleCommand(ReadOnlySpan<byte> frame, byte kind)
    {
        switch (kind)
        {
            case FrameKind.Hello:
                OnHello(frame);
                break;
            case FrameKind.Topic:
                OnTopic(frame);
                break;
            case FrameKind.Subscribe:
                OnSubscribe(frame);
                break;
            case FrameKind.Unsubscribe:
                OnUnsubscribe(frame);
                break;
            case FrameKind.Credit:
                OnCredit(frame);
                break;
            case FrameKind.Ping:
                OnPing(frame);
                break;
            case FrameKind.Query:
                OnQuery(frame);
                break;
            case FrameKind.Bye:
                DetachKept(isBroken: false);
                _saidBye = true;
                Drain();
                break;
            case FrameKind.Pause:
                OnPause(frame);
                break;
            case >= FrameKind.Welcome and <= FrameKind.Paused:
                Fail(ErrorCode.OutOfOrder, $"Frames of kind 0x{kind:X2} are sent by the daemon only.");
                break;
        }
    }

    private static bool IsKnown(byte kind) =>
        kind is <= FrameKind.Pause or (>= FrameKind.Welcome and <= FrameKind.Paused);
}
