using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Quic;
using System.Security.Cryptography.X509Certificates;
using NexusD.Buffers;

namespace NexusD.Quic.MsQuic;

/// <summary>
/// One connection of System.Net.Quic. This part belongs to the loop: what the user calls, and the events that the loop
/// works off. <c>.Run</c> is the part on the thread pool.
/// </summary>
#pragma warning disable CA1001 // a CancellationTokenSource without a timer holds nothing that needs disposing
internal sealed partial class MsQuicConnection : IQuicConnection
#pragma warning restore CA1001
{
    private const ulong MaxErrorCode = (1UL << 62) - 1;

    private readonly bool _isServer;
    private readonly Dictionary<long, MsQuicStream> _streams = [];
    private readonly long[] _opened = new long[2];
    private readonly long[] _allowed = new long[2];
    private IQuicConnectionHandler? _handler;
    private long _unacknowledged;
    private bool _progress;
    private State _state;

    private enum State
    {
        Handshaking,
        Open,
        Closing,
        Gone,
    }

    public MsQuicEndpoint Endpoint { get; }

    /// <summary>Credit of all streams together.</summary>
    public ReceiveCredit Credit { get; }

    public IPEndPoint RemoteEndPoint { get; private set; }

    public string Alpn { get; private set; } = "";

    public X509Certificate2? PeerCertificate { get; private set; }

    public long UnacknowledgedBytes => _unacknowledged;

    public bool IsServer => _isServer;

    public long OpenStream(bool unidirectional)
    {
        int kind = unidirectional ? 1 : 0;
        if (_state != State.Open || _opened[kind] >= _allowed[kind])
        {
            return -1;
        }

        // Streams of a kind are opened one after the other, so the ID is known before msquic has made the stream.
        long id = (_opened[kind]++ << 2) | (unidirectional ? 2L : 0) | (_isServer ? 1L : 0);
        var stream = new MsQuicStream(this, id, canRead: !unidirectional, canWrite: true);
        _streams.Add(id, stream);
        Track(stream);
        RequestOpen(stream, unidirectional);
        return id;
    }

    public void Write(long stream, Slab slab, int offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, slab.Capacity - offset);
        if (length == 0 || !TryFindWritable(stream, out MsQuicStream? found) || found.FinishRequested)
        {
            slab.Release();
        }
        else if (found.Queue.Add(slab, offset, length))
        {
            _unacknowledged += length;
        }
    }

    public void FinishWriting(long stream)
    {
        if (TryFindWritable(stream, out MsQuicStream? found) && !found.FinishRequested)
        {
            found.FinishRequested = true;
            found.Queue.Finish();
        }
    }

    public void ResetWriting(long stream, ulong errorCode)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(errorCode, MaxErrorCode);
        if (TryFindWritable(stream, out MsQuicStream? found))
        {
            found.ResetByUs = found.WriteClosed = true;
            _unacknowledged -= found.Queue.Close();
            found.Abort(QuicAbortDirection.Write, errorCode);
        }
    }

    public void StopReading(long stream, ulong errorCode)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(errorCode, MaxErrorCode);
        if (_state == State.Open && _streams.TryGetValue(stream, out MsQuicStream? found) && !found.ReadStopped)
        {
            found.ReadStopped = true;
            found.Abort(QuicAbortDirection.Read, errorCode);
        }
    }

    public void Consume(long stream, int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        if (_state == State.Gone || bytes == 0)
        {
            return;
        }

        if (_streams.TryGetValue(stream, out MsQuicStream? found))
        {
            found.Credit.Return(bytes);
        }

        Credit.Return(bytes);
    }

    public void Close(ulong errorCode, string reason)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(errorCode, MaxErrorCode);
        ArgumentNullException.ThrowIfNull(reason);
        if (_state < State.Closing)
        {
            _state = State.Closing;
            RequestClose(new QuicCloseInfo(QuicCloseKind.Local, errorCode, reason));
        }
    }

    public QuicConnectionStatistics GetStatistics() => default;

    /// <summary>Works off one event on the loop.</summary>
    public void Handle(in MsQuicEvent happened)
    {
        switch (happened.Kind)
        {
            case MsQuicEventKind.MoreStreams:
                _allowed[happened.End ? 1 : 0] += happened.Length;
                NoteProgress();
                break;
            case MsQuicEventKind.Connected:
                OnConnected();
                break;
            case MsQuicEventKind.StreamOpened when _state == State.Open:
                _streams.Add(happened.Stream!.Id, happened.Stream);
                _handler!.OnStreamOpened(this, happened.Stream.Id, (happened.Stream.Id & 2) != 0);
                break;
            case MsQuicEventKind.Data:
                OnData(happened);
                break;
            case MsQuicEventKind.Written:
                _unacknowledged -= happened.Length;
                NoteProgress();
                break;
            case MsQuicEventKind.ReadAborted when _state == State.Open && !happened.Stream!.ReadStopped:
                happened.Stream.ReadStopped = true;
                _handler!.OnStreamAborted(this, happened.Stream.Id, sendingSide: false, happened.ErrorCode);
                break;
            case MsQuicEventKind.WriteAborted when _state == State.Open && !happened.Stream!.ResetByUs:
                happened.Stream.WriteClosed = true;
                _handler!.OnStreamAborted(this, happened.Stream.Id, sendingSide: true, happened.ErrorCode);
                break;
            case MsQuicEventKind.Closed:
                OnClosed(happened.Info);
                break;
        }
    }

    /// <summary>At the end of a batch of events.</summary>
    public void TellProgress()
    {
        _progress = false;
        if (_state == State.Open)
        {
            _handler!.OnSendProgress(this);
        }
    }

    /// <summary>A handler threw, which it must not: the connection ends and the loop's owner hears of it.</summary>
    public void Fail(Exception e)
    {
        if (_state < State.Closing)
        {
            _state = State.Closing;
            RequestClose(new QuicCloseInfo(QuicCloseKind.LocalTransport, 1, $"internal error: {e.Message}"));
        }

        Endpoint.Report(e);
    }

    private void NoteProgress()
    {
        if (!_progress)
        {
            _progress = true;
            Endpoint.AddProgress(this);
        }
    }

    private void OnConnected()
    {
        if (_state != State.Handshaking)
        {
            return;
        }

        QuicConnection native = _native!;
        RemoteEndPoint = Unmapped(native.RemoteEndPoint);
        Alpn = native.NegotiatedApplicationProtocol.ToString();
        PeerCertificate = native.RemoteCertificate as X509Certificate2;
        _state = State.Open;
        Endpoint.OnHandshakeCompleted(this);
        _handler ??= Endpoint.Accept(this);
        if (_handler is null)
        {
            const ulong Refused = 0x2;
            Close(Refused, "the connection is not wanted");
            return;
        }

        _handler.OnConnected(this);
    }

    private void OnData(in MsQuicEvent happened)
    {
        Slab slab = happened.Slab!;
        try
        {
            MsQuicStream stream = happened.Stream!;
            if (_state != State.Open || stream.ReadStopped)
            {
                stream.Credit.Return(happened.Length);
                Credit.Return(happened.Length);
                return;
            }

            _handler!.OnStreamData(this, stream.Id, slab.Slice(0, happened.Length), happened.End);
        }
        finally
        {
            slab.Release();
        }
    }

    private void OnClosed(QuicCloseInfo info)
    {
        _state = State.Gone;
        _streams.Clear();
        _unacknowledged = 0;
        IQuicConnectionHandler? handler = _handler;
        _handler = null;
        Endpoint.OnGone(this, completed: Alpn.Length > 0);
        handler?.OnClosed(this, info);
    }

    private bool TryFindWritable(long stream, [NotNullWhen(true)] out MsQuicStream? found)
    {
        found = null;
        return _state == State.Open
            && _streams.TryGetValue(stream, out found)
            && found.CanWrite
            && !found.WriteClosed;
    }

    private static IPEndPoint Unmapped(IPEndPoint endPoint) =>
        endPoint.Address.IsIPv4MappedToIPv6 ? new IPEndPoint(endPoint.Address.MapToIPv4(), endPoint.Port) : endPoint;
}
