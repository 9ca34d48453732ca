using System.Text;
using NexusD.Quic.Native;

namespace NexusD.Quic.Ngtcp2;

/// <summary>
/// Packets and time-outs in, and the end. A connection ends once: <see cref="End"/> notes why, and at the end of the
/// turn
/// <see cref="Release"/> frees it and tells the user. Its IDs stay for three probe time-outs, so that late packets are
/// answered with the same CONNECTION_CLOSE or swallowed (RFC 9000 section 10.2).
/// </summary>
internal sealed unsafe partial class Ngtcp2Connection
{
    private const int MaxReasonBytes = 256;
    private const int CloseBufferBytes = 1500;
    private const ulong InternalError = 0x1;
    private const ulong ConnectionRefused = 0x2;
    private const ulong VersionNegotiationError = 0x11;
    private const ulong CryptoError = 0x100;

    private bool _closeRequested;
    private bool _closeAsTransport;
    private ulong _closeCode;
    private string _closeReason = "";
    private bool _statelessReset;
    private string? _fault;
    private QuicCloseInfo _info;
    private ulong _lingerNs;
    private byte[]? _closePacket;
    private int _packetsWhileClosing;

    internal bool IsForgotten => _phase == Phase.Gone && _ids.Count == 0;

    /// <summary>Takes one datagram. Callbacks run inside.</summary>
    internal void Receive(byte* data, int length, UdpAddress* remote, UdpAddress* local, long nowNs)
    {
        _bytesReceived += length;
        if (_phase == Phase.Gone)
        {
            RepeatClose(remote, local);
            return;
        }

        if (_phase == Phase.Ending)
        {
            return;
        }

        UdpAddress own = _local;
        NgPath path = MakePath(remote, _isServer ? local : &own);
        NgPacketInfo info = default;
        int result = NgTcp2.ngtcp2_conn_read_pkt_versioned(
            _native, &path, 1, &info, data, (nuint)length, Clock(nowNs));
        Mark();
        if (result != 0)
        {
            Fail(result);
        }
    }

    /// <summary>Whether this is an attempt to reach that address which has had no answer yet.</summary>
    internal bool IsDialing(UdpAddress* remote)
    {
        fixed (UdpAddress* mine = &_remote)
        {
            return _phase == Phase.Handshaking && !_isServer && UdpAddress.Same(mine, remote);
        }
    }

    /// <summary>The address cannot be reached; meant for a connection that is being dialed.</summary>
    internal void FailUnreachable(int error)
    {
        if (_phase == Phase.Handshaking && !_isServer)
        {
            string text = new System.ComponentModel.Win32Exception(error).Message;
            End(new QuicCloseInfo(QuicCloseKind.Unreachable, 0, text));
        }
    }

    /// <summary>Ends at once because the endpoint does; the peer is told.</summary>
    internal void Abandon(long nowNs)
    {
        if (_phase < Phase.Ending)
        {
            if (!_closeRequested)
            {
                _closeReason = "the endpoint was shut down";
            }

            CloseAsAsked(nowNs);
        }
    }

    /// <summary>
    /// Frees everything native and tells the user. Called by the endpoint at the end of the turn, never inside a
    /// callback.
    /// </summary>
    internal void Release(long nowNs)
    {
        bool completed = _alpn is not null;
        foreach (long id in _streams.Keys)
        {
            _lostBefore += (long)NgTcp2.ngtcp2_conn_get_stream_loss_count(_native, id);
        }

        _remote = *NgTcp2.ngtcp2_conn_get_path(_native)->Remote.Address;
        NgTcp2.ngtcp2_conn_del(_native);
        _native = 0;
        _tls.Dispose();
        _self.Free();
        foreach (Ngtcp2Stream stream in _streams.Values)
        {
            stream.Queue.Clear();
        }

        foreach (UInt128 token in _resetTokens)
        {
            _endpoint.ResetTokens.Remove(token);
        }

        _resetTokens.Clear();
        _streams.Clear();
        _commands.Clear();
        _firstScheduled = _lastScheduled = null;
        _unacknowledged = 0;
        _phase = Phase.Gone;
        _timer.SetAt(nowNs + (long)_lingerNs);
        IQuicConnectionHandler? handler = _handler;
        _handler = null;
        _endpoint.OnReleased(this, completed);
        try
        {
            handler?.OnClosed(this, _info);
        }
        catch (Exception e)
        {
            _endpoint.Report(e);
        }
    }

    /// <summary>Forgets the IDs of a connection that is gone.</summary>
    internal void Forget()
    {
        _timer.Cancel();
        foreach (ConnectionId id in _ids)
        {
            _endpoint.Ids.Remove(id);
        }

        _ids.Clear();
        _closePacket = null;
    }

    private void OnTimer()
    {
        if (_phase == Phase.Gone)
        {
            _endpoint.Forget(this);
        }
        else if (_phase < Phase.Ending)
        {
            int result = NgTcp2.ngtcp2_conn_handle_expiry(_native, Clock(Loops.MonotonicClock.NowNs));
            Mark();
            if (result != 0)
            {
                Fail(result);
            }
        }
    }

    /// <summary>The user closed, refused or fell over: say so to the peer.</summary>
    private void CloseAsAsked(long nowNs)
    {
        NgCloseError error;
        NgTcp2.ngtcp2_ccerr_default(&error);
        byte[] reason = CutUtf8(_closeReason);
        fixed (byte* text = reason)
        {
            if (_closeAsTransport)
            {
                NgTcp2.ngtcp2_ccerr_set_transport_error(&error, _closeCode, text, (nuint)reason.Length);
            }
            else
            {
                NgTcp2.ngtcp2_ccerr_set_application_error(&error, _closeCode, text, (nuint)reason.Length);
            }

            SendClose(&error, nowNs);
        }

        QuicCloseKind kind = _closeAsTransport ? QuicCloseKind.LocalTransport : QuicCloseKind.Local;
        End(new QuicCloseInfo(kind, _closeCode, _closeReason));
    }

    private void Refuse()
    {
        _closeRequested = true;
        _closeAsTransport = true;
        _closeCode = ConnectionRefused;
        _closeReason = "the connection is not wanted";
    }

    /// <summary>ngtcp2 reported an error: decides what the peer and the user are told.</summary>
    private void Fail(int error)
    {
        if (_phase >= Phase.Ending)
        {
            return;
        }

        long now = Loops.MonotonicClock.NowNs;
        switch (error)
        {
            case NgTcp2Error.Draining:
                End(_statelessReset
                    ? new QuicCloseInfo(QuicCloseKind.Reset, 0, "the peer has lost this connection's state")
                    : ReadPeerClose());
                break;
            case NgTcp2Error.IdleClose:
                End(new QuicCloseInfo(QuicCloseKind.TimedOut, 0, "nothing was heard from the peer in time"));
                break;
            case NgTcp2Error.HandshakeTimeout:
                End(new QuicCloseInfo(QuicCloseKind.TimedOut, 0, "the handshake did not end in time"));
                break;
            case NgTcp2Error.ReceivedVersionNegotiation:
                const string Versions = "the peer does not speak QUIC version 1";
                End(new QuicCloseInfo(QuicCloseKind.LocalTransport, VersionNegotiationError, Versions));
                break;
            case NgTcp2Error.DropConnection:
            case NgTcp2Error.Retry:
            case NgTcp2Error.Closing:
                End(new QuicCloseInfo(QuicCloseKind.LocalTransport, 0, NgTcp2.ErrorText(error)));
                break;
            default:
                FailAndTellPeer(error, now);
                break;
        }
    }

    private void FailAndTellPeer(int error, long nowNs)
    {
        NgCloseError close;
        NgTcp2.ngtcp2_ccerr_default(&close);
        string reason;
        if (_fault is not null)
        {
            reason = $"internal error: {_fault}";
            NgTcp2.ngtcp2_ccerr_set_transport_error(&close, InternalError, null, 0);
        }
        else if (error == NgTcp2Error.Crypto)
        {
            byte alert = NgTcp2.ngtcp2_conn_get_tls_alert(_native);
            reason = _tls.GetCertificateComplaint() ?? $"the TLS handshake failed: {GnuTls.AlertName(alert)}";
            NgTcp2.ngtcp2_ccerr_set_tls_alert(&close, alert, null, 0);
        }
        else
        {
            reason = NgTcp2.ErrorText(error);
            NgTcp2.ngtcp2_ccerr_set_liberr(&close, error, null, 0);
        }

        ulong code = close.ErrorCode;
        byte[] text = CutUtf8(_fault is null ? reason : "internal error");
        fixed (byte* bytes = text)
        {
            close.Reason = bytes;
            close.ReasonLength = (nuint)text.Length;
            SendClose(&close, nowNs);
        }

        End(new QuicCloseInfo(QuicCloseKind.LocalTransport, code, reason));
    }

    /// <summary>
    /// Sends CONNECTION_CLOSE and keeps the packet for those who have not heard it. Nothing happens when there are no
    /// keys for one yet.
    /// </summary>
    private void SendClose(NgCloseError* error, long nowNs)
    {
        byte* packet = stackalloc byte[CloseBufferBytes];
        UdpAddress remote, local;
        NgPath path = MakePath(&remote, &local);
        NgPacketInfo info;
        nint length = NgTcp2.ngtcp2_conn_write_connection_close_versioned(
            _native, &path, 1, &info, packet, CloseBufferBytes, error, Clock(nowNs));
        if (length > 0)
        {
            _closePacket = new ReadOnlySpan<byte>(packet, (int)length).ToArray();
            _bytesSent += length;
            _endpoint.SendControl(packet, (int)length, &remote, &local);
        }
    }

    /// <summary>Answers late packets, ever more rarely (RFC 9000 section 10.2.1).</summary>
    private void RepeatClose(UdpAddress* remote, UdpAddress* local)
    {
        _packetsWhileClosing++;
        if (_closePacket is not null && int.IsPow2(_packetsWhileClosing))
        {
            fixed (byte* packet = _closePacket)
            {
                _endpoint.SendControl(packet, _closePacket.Length, remote, local);
            }
        }
    }

    private void End(QuicCloseInfo info)
    {
        _info = info;
        _phase = Phase.Ending;
        _timer.Cancel();
        _lingerNs = 3 * NgTcp2.ngtcp2_conn_get_pto(_native);
        _endpoint.AddEnding(this);
    }

    private QuicCloseInfo ReadPeerClose()
    {
        NgCloseError* error = NgTcp2.ngtcp2_conn_get_ccerr(_native);
        string reason = CleanText(new ReadOnlySpan<byte>(error->Reason, (int)error->ReasonLength));
        if (error->Type == NgCloseError.Application)
        {
            return new QuicCloseInfo(QuicCloseKind.PeerApplication, error->ErrorCode, reason);
        }

        if (reason.Length == 0 && error->ErrorCode is >= CryptoError and < CryptoError + 256)
        {
            reason = $"the peer ended the TLS handshake: {GnuTls.AlertName((int)(error->ErrorCode - CryptoError))}";
        }

        return new QuicCloseInfo(QuicCloseKind.PeerTransport, error->ErrorCode, reason);
    }

    private static byte[] CutUtf8(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        if (bytes.Length <= MaxReasonBytes)
        {
            return bytes;
        }

        int end = MaxReasonBytes;
        while ((bytes[end] & 0xC0) == 0x80)
        {
            end--; // not in the middle of a character
        }

        return bytes[..end];
    }

    /// <summary>A stranger's words go to logs: no control characters, no endless text.</summary>
    private static string CleanText(ReadOnlySpan<byte> utf8)
    {
        string text = Encoding.UTF8.GetString(utf8.Length > MaxReasonBytes ? utf8[..MaxReasonBytes] : utf8);
        return string.Create(text.Length, text, static (span, source) =>
        {
            for (int i = 0; i < span.Length; i++)
            {
                span[i] = char.IsControl(source[i]) ? ' ' : source[i];
            }
        });
    }
}
