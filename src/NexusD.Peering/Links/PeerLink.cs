using NexusD.Loops;
using NexusD.Peering.Dialing;
using NexusD.Protocol;
using NexusD.Quic;

namespace NexusD.Peering.Links;

/// <summary>
/// A link to one peer: one QUIC connection with its control stream and lanes. In: what the connection tells, what the
/// <see cref="PeerChannel"/> has to send, the time. Out: bytes for the connection, runs and gap notices for the router.
/// </summary>
/// <remarks>
/// <para>Life: connecting -> awaiting HELLO -> up -> (retiring ->) closing -> closed. Parts: this file is the life,
/// <c>.Handshake</c> who the peer is, <c>.Control</c> the control stream, <c>.Lanes</c> their acknowledgement,
/// <c>.Receive</c> lanes in, <c>.Send</c> the end of a turn, <c>.Retire</c> how a link gives way to another and how a
/// node leaves. What outlives a link is in its channel.</para>
/// <para>Everything runs on the loop's thread. After <see cref="Fail"/> or <see cref="Close"/> nothing more is read or
/// sent.</para>
/// </remarks>
internal sealed partial class PeerLink : IQuicConnectionHandler, ILoopFlush, IDialAttempt
{
    private readonly MeshContext _mesh;
    private readonly ILinkOwner _owner;
    private readonly StreamWriter _control;
    private readonly InterestTeller _interestOut;
    private readonly RetainedSync _retained;
    private IQuicConnection? _connection;
    private PeerChannel? _channel;
    private LinkPhase _phase = LinkPhase.Connecting;
    private long _lastHeardNs;
    private long _lastAnsweredNs;
    private long _helloDueNs = long.MaxValue;
    private long _upSinceNs;
    private bool _suspect;
    private bool _abandoned;
    private bool _goneTold;

    public PeerLink(MeshContext mesh, ILinkOwner owner, long id, DialTarget? target, DialEndpoint? endpoint)
    {
        _mesh = mesh;
        _owner = owner;
        Id = id;
        Target = target;
        Endpoint = endpoint;
        _control = new StreamWriter(mesh.Pool);
        _controlFrames = new FrameStream(mesh, ProtocolLimits.MinMaxFrameBytes);
        _interestOut = new InterestTeller(mesh, _control, Backlog);
        _retained = new RetainedSync(mesh, _control, Backlog, owner.WakeBy);
        _lastHeardNs = mesh.Loop.NowNs;
    }

    /// <summary>Number of the link in this daemon.</summary>
    public long Id { get; }

    /// <summary>Whether this node dialed.</summary>
    public bool IsDialed => Endpoint is not null;

    /// <summary>The known address and its endpoint that were dialed; null for an accepted link.</summary>
    public DialTarget? Target { get; }

    /// <inheritdoc cref="Target"/>
    public DialEndpoint? Endpoint { get; }

    public LinkPhase Phase => _phase;

    public bool IsConnected => _phase is > LinkPhase.Connecting and < LinkPhase.Closing;

    /// <summary>Whether the link carries events: up, or giving way.</summary>
    public bool IsUp => _phase == LinkPhase.Up;

    /// <summary>Whether the link carried events at some time.</summary>
    public bool WasUp => _upSinceNs != 0;

    /// <summary>Time since the HELLO was accepted, nanoseconds.</summary>
    public long UpForNs => !WasUp ? 0 : _mesh.Loop.NowNs - _upSinceNs;

    /// <summary>What the link carries while it is up; null before, and when another link took over.</summary>
    public PeerChannel? Channel => _channel;

    /// <summary>The connection; only once it is open.</summary>
    public IQuicConnection Connection => _connection!;

    /// <summary>Where the peer's datagrams come from, or where it was dialed.</summary>
    public string Address => (_connection?.RemoteEndPoint ?? Endpoint?.Address) is { } address
        ? MeshAddressOf(address.Address, address.Port).ToString()
        : "";

    /// <summary>Gives the connection that was dialed; its outcome has not been told yet.</summary>
    public void Attach(IQuicConnection connection) => _connection = connection;

    /// <summary>Gives a try up that is not needed any more.</summary>
    public void Abandon()
    {
        _abandoned = true;
        Close(0, "this try is not needed any more");
    }

    public void OnConnected(IQuicConnection connection)
    {
        _connection = connection;
        if (_phase != LinkPhase.Connecting)
        {
            return; // given up in the same turn; the close is on its way
        }

        Heard();
        _phase = LinkPhase.AwaitingHello;
        _helloDueNs = _mesh.Loop.NowNs + Ns(_mesh.Options.HandshakeTimeout);
        _owner.WakeBy(_helloDueNs);
        _owner.Connected(this);
        if (IsDialed && _phase == LinkPhase.AwaitingHello)
        {
            OpenControl();
        }
    }

    public void OnStreamOpened(IQuicConnection connection, long stream, bool unidirectional)
    {
        Heard();
        if (_phase >= LinkPhase.Closing)
        {
            return;
        }

        if (unidirectional)
        {
            OpenLane(stream);
        }
        else if (IsDialed || _control.IsOpen)
        {
            Fail(LinkFault.Malformed("a second bidirectional stream"));
        }
        else
        {
            _control.Open(connection, stream);
            connection.Prefer(stream);
        }
    }

    public void OnStreamData(IQuicConnection connection, long stream, ReadOnlySpan<byte> data, bool end)
    {
        Heard();
        if (_phase >= LinkPhase.Closing)
        {
            return;
        }

        if (stream == _control.Stream)
        {
            ReadControl(data, end);
            if (_phase < LinkPhase.Closing)
            {
                connection.Consume(stream, data.Length);
            }
        }
        else
        {
            ReadLane(connection, stream, data, end);
        }
    }

    public void OnStreamAborted(IQuicConnection connection, long stream, bool sendingSide, ulong errorCode) =>
        Fail(LinkFault.Malformed($"stream {stream} was abandoned with code {errorCode}"));

    public void OnSendProgress(IQuicConnection connection)
    {
        Heard();
        if (_phase is < LinkPhase.Up or >= LinkPhase.Closing)
        {
            return;
        }

        _lastAnsweredNs = _mesh.Loop.NowNs;
        _interestOut.Tick(_mesh.Loop.NowNs);
        _retained.Continue();
        MarkDirty();
        CheckDrained();
    }

    public void OnClosed(IQuicConnection connection, QuicCloseInfo info)
    {
        _phase = LinkPhase.Closed;
        if (info.Kind == QuicCloseKind.PeerApplication && info.ErrorCode != 0)
        {
            _mesh.Counters.CountRefusedByPeer(info.ErrorCode);
        }

        _peerHasLeft |= info.Kind switch
        {
            QuicCloseKind.PeerApplication =>
                info.ErrorCode == (ulong)ErrorCode.ShuttingDown || (info.ErrorCode == 0 && IsPeerLeaving),
            QuicCloseKind.Unreachable => IsPeerLeaving,
            _ => false,
        };
        TellGone(new LinkEnd(OutcomeOf(info), Describe(info)));
        Discard();
    }

    /// <summary>Does what is due; returns when to call again.</summary>
    public long Tick(long nowNs)
    {
        switch (_phase)
        {
            case LinkPhase.AwaitingHello when nowNs >= _helloDueNs:
                Fail(new LinkFault(
                    ErrorCode.Idle,
                    $"no HELLO within {_mesh.Options.HandshakeTimeout.TotalSeconds:0.#} s of the connection"));
                return long.MaxValue;
            case LinkPhase.AwaitingHello:
                return _helloDueNs;
            case LinkPhase.Up:
                return TickUp(nowNs);
            case LinkPhase.Retiring:
                return TickRetiring(nowNs);
            default:
                return long.MaxValue;
        }
    }

    /// <summary>Ends the link because the peer broke a rule or may not be linked; the peer is told why.</summary>
    public void Fail(in LinkFault fault)
    {
        if (_phase >= LinkPhase.Closing)
        {
            return;
        }

        _mesh.Counters.CountRefusedHere(fault.Code);
        if (_control.IsOpen)
        {
            SendError(fault);
        }

        DialOutcome outcome = fault.Code switch
        {
            ErrorCode.SelfLink => DialOutcome.Self,
            ErrorCode.DuplicateLink => DialOutcome.Duplicate,
            ErrorCode.Idle => DialOutcome.Failed,
            _ => DialOutcome.Refused,
        };
        if (outcome == DialOutcome.Refused && fault.Code != ErrorCode.ShuttingDown)
        {
            _mesh.Options.Log.PeerRefused(Address, fault.Code.ToWireName(), fault.Reason);
        }

        if (outcome == DialOutcome.Refused)
        {
            HasBrokenRules = fault.Code is not (ErrorCode.OverLimit or ErrorCode.ShuttingDown);
            _channel?.ForgetIncoming();
        }

        Close((ulong)fault.Code, fault.Reason, outcome);
    }

    /// <summary>Closes in order.</summary>
    public void Close(ulong code, string reason, DialOutcome outcome = DialOutcome.Failed)
    {
        if (_phase >= LinkPhase.Closing)
        {
            return;
        }

        FlushStreams();
        _phase = LinkPhase.Closing;
        _connection?.Close(code, reason);
        TellGone(new LinkEnd(_abandoned ? DialOutcome.Abandoned : outcome, reason));
        Discard();
    }

    public LinkSnapshot GetSnapshot()
    {
        LinkLedger ledger = _channel?.Ledger ?? new LinkLedger();
        QuicConnectionStatistics quic = _connection is { } c && IsConnected ? c.GetStatistics() : default;
        long rttNs = quic.SmoothedRttNs != 0 ? quic.SmoothedRttNs : _pingRttNs;
        return new LinkSnapshot
        {
            Id = Id,
            NodeId = PeerId.IsEmpty ? "" : PeerId.ToString(),
            NodeName = PeerName,
            Version = PeerVersion,
            Address = Address,
            MeshAddress = MeshAddress?.ToString() ?? "",
            State = _phase switch
            {
                < LinkPhase.Up => LinkState.Connecting,
                LinkPhase.Up => _suspect ? LinkState.Suspect : LinkState.Up,
                LinkPhase.Retiring => LinkState.Retiring,
                _ => LinkState.Down,
            },
            Dialed = IsDialed,
            UpSeconds = UpForNs / 1e9,
            RttMicroseconds = rttNs / 1_000,
            GroupMembers = _channel?.Interest.Members ?? 0,
            InterestCount = _channel is not { Interest: { } wants } ? 0 : wants.WantsEverything ? -1 : wants.Count,
            EventsIn = ledger.EventsIn,
            EventsOut = ledger.EventsOut,
            BytesIn = ledger.BytesIn,
            BytesOut = ledger.BytesOut,
            QueuedBytes = _control.Waiting + (_channel is null ? 0 : _channel.QueuedBytes + _channel.WaitingBytes()),
            DroppedLinkFull = ledger.DroppedLinkFull,
            DroppedTooLarge = ledger.DroppedTooLarge,
            DroppedLinkLost = ledger.DroppedLinkLost,
            DroppedLinkDown = ledger.DroppedLinkDown,
            DroppedMemory = ledger.DroppedMemory,
            PacketsLost = quic.PacketsLost,
        };
    }

    /// <summary>This node ended the link because the peer does not speak the protocol.</summary>
    public bool HasBrokenRules { get; private set; }

    /// <summary>Asks for a <see cref="Tick"/> at a time.</summary>
    public void WakeBy(long dueNs) => _owner.WakeBy(dueNs);

    /// <summary>Opens a stream for a lane; -1: the peer grants none.</summary>
    public long OpenLaneStream() => _connection!.OpenStream(unidirectional: true);

    private static long Ns(TimeSpan span) => span.Ticks * 100;

    private void Heard() => _lastHeardNs = _mesh.Loop.NowNs;

    private long TickUp(long nowNs)
    {
        long silenceNs = nowNs - _lastHeardNs;
        if (silenceNs >= Ns(_mesh.Options.DownAfter))
        {
            Fail(new LinkFault(ErrorCode.Idle, $"nothing was heard for {silenceNs / 1e9:0.0} s"));
            return long.MaxValue;
        }

        long unansweredNs = nowNs - _lastAnsweredNs;
        if (unansweredNs >= Ns(_mesh.Options.DownAfter))
        {
            // There is a ping every second: the peer is heard and does not hear.
            Fail(new LinkFault(ErrorCode.Idle, $"the peer has heard nothing for {unansweredNs / 1e9:0.0} s"));
            return long.MaxValue;
        }

        if (!_channel!.IsFlowing && nowNs >= _helloDueNs)
        {
            Fail(new LinkFault(
                ErrorCode.Idle,
                $"no LANE_RESUME within {_mesh.Options.HandshakeTimeout.TotalSeconds:0.#} s of the HELLO"));
            return long.MaxValue;
        }

        bool suspect = silenceNs >= Ns(_mesh.Options.SuspectAfter);
        if (suspect && !_suspect)
        {
            _mesh.Options.Log.LinkSuspect(PeerName, Address, TimeSpan.FromTicks(silenceNs / 100));
        }

        _suspect = suspect;
        long silenceDue = _lastHeardNs + Ns(suspect ? _mesh.Options.DownAfter : _mesh.Options.SuspectAfter);
        long due = _leaving
            ? Math.Min(silenceDue, TickLanes(nowNs))
            : Math.Min(silenceDue, TickControl(nowNs));
        due = Math.Min(due, _lastAnsweredNs + Ns(_mesh.Options.DownAfter));
        due = _channel.IsFlowing ? Math.Min(due, _channel.TickQuiet(nowNs)) : Math.Min(due, _helloDueNs);
        MarkDirty();
        return due;
    }

    private long TickRetiring(long nowNs)
    {
        if (nowNs < _retireDueNs)
        {
            return _retireDueNs;
        }

        CloseRetired();
        return long.MaxValue;
    }

    private void TellGone(in LinkEnd end)
    {
        if (!_goneTold)
        {
            _goneTold = true;
            _owner.Gone(this, end);
            _channel = null;
        }
    }

    private void Discard()
    {
        _retained.Stop();
        _control.Discard();
        _controlFrames.Reset();
        foreach (LaneReader? lane in _lanesIn)
        {
            lane?.Reset();
        }
    }

    private static DialOutcome OutcomeOf(in QuicCloseInfo info) => info.Kind switch
    {
        QuicCloseKind.PeerApplication => (ErrorCode)info.ErrorCode switch
        {
            ErrorCode.SelfLink => DialOutcome.Self,
            ErrorCode.DuplicateLink => DialOutcome.Duplicate,
            ErrorCode.None or ErrorCode.ShuttingDown or ErrorCode.Idle => DialOutcome.Failed,
            _ => DialOutcome.Refused,
        },
        QuicCloseKind.PeerTransport when info.ErrorCode is >= 0x100 and <= 0x1FF => DialOutcome.Refused, // a TLS alert
        QuicCloseKind.LocalTransport => DialOutcome.Refused,
        _ => DialOutcome.Failed,
    };

    private static string Describe(in QuicCloseInfo info)
    {
        string what = info.Kind switch
        {
            QuicCloseKind.Local => "closed by this node",
            QuicCloseKind.PeerApplication when info.ErrorCode == 0 => "the peer closed the link",
            QuicCloseKind.PeerApplication => $"the peer refuses: {((ErrorCode)info.ErrorCode).ToWireName()}",
            QuicCloseKind.PeerTransport => $"the peer closed with QUIC error 0x{info.ErrorCode:x}",
            QuicCloseKind.LocalTransport => $"closed for QUIC error 0x{info.ErrorCode:x}",
            QuicCloseKind.TimedOut => "no answer",
            QuicCloseKind.Reset => "the peer lost its state, as after a crash",
            QuicCloseKind.Unreachable => "nobody listens there",
            _ => info.Kind.ToString(),
        };
        return string.IsNullOrEmpty(info.Reason) ? what : $"{what} ({info.Reason})";
    }
}

/// <summary>Where in its life a link is; the order matters.</summary>
internal enum LinkPhase
{
    Connecting,
    AwaitingHello,
    Up,
    Retiring,
    Closing,
    Closed,
}
