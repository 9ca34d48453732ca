using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using NexusD.Quic.Native;

namespace NexusD.Quic.Ngtcp2;

/// <summary>
/// What ngtcp2 calls while it reads a packet or writes one. An exception must not cross into C, so each callback turns
/// one into an internal error that closes the connection, and the loop is told of the bug.
/// </summary>
internal sealed unsafe partial class Ngtcp2Connection
{
    private const int Ok = 0;

    /// <summary>One table for both roles; ngtcp2 copies it for each connection.</summary>
    private static class NativeCallbacks
    {
        public static readonly NgCallbacks* Table = Make();

        private static NgCallbacks* Make()
        {
            var table = (NgCallbacks*)NativeMemory.AllocZeroed((nuint)sizeof(NgCallbacks));
            table->ClientInitial = Find("client_initial");
            table->RecvClientInitial = Find("recv_client_initial");
            table->RecvCryptoData = Find("recv_crypto_data");
            table->Encrypt = Find("encrypt");
            table->Decrypt = Find("decrypt");
            table->HpMask = Find("hp_mask");
            table->RecvRetry = Find("recv_retry");
            table->UpdateKey = Find("update_key");
            table->DeleteCryptoAeadCtx = Find("delete_crypto_aead_ctx");
            table->DeleteCryptoCipherCtx = Find("delete_crypto_cipher_ctx");
            table->GetPathChallengeData = Find("get_path_challenge_data");
            table->VersionNegotiation = Find("version_negotiation");
            table->HandshakeCompleted = &OnHandshakeCompleted;
            table->RecvStreamData = &OnStreamData;
            table->AckedStreamDataOffset = &OnAcknowledged;
            table->StreamOpen = &OnStreamOpened;
            table->StreamClose = &OnStreamClosed;
            table->StreamReset = &OnStreamReset;
            table->RecvStatelessReset = &OnStatelessReset;
            table->ExtendMaxLocalStreamsBidi = &OnMoreStreams;
            table->ExtendMaxLocalStreamsUni = &OnMoreStreams;
            table->ExtendMaxStreamData = &OnMoreStreamCredit;
            table->DcidStatus = &OnPeerConnectionId;
            table->Rand = &OnRandom;
            table->GetNewConnectionId = &OnNewConnectionId;
            table->RemoveConnectionId = &OnRemoveConnectionId;
            return table;
        }

        private static void* Find(string name) => (void*)NativeLibraries.GetCallback($"ngtcp2_crypto_{name}_cb");
    }

    private static Ngtcp2Connection Of(nint userData) =>
        Unsafe.As<Ngtcp2Connection>(GCHandle.FromIntPtr(userData).Target!);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnHandshakeCompleted(nint native, nint userData)
    {
        Ngtcp2Connection connection = Of(userData);
        try
        {
            connection.HandshakeCompleted();
            return Ok;
        }
        catch (Exception e)
        {
            return connection.Faulted(e);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnStreamData(
        nint native, uint flags, long stream, ulong offset, byte* data, nuint length, nint userData, nint streamData)
    {
        Ngtcp2Connection connection = Of(userData);
        try
        {
            bool end = (flags & NgTcp2.StreamDataFin) != 0;
            if (connection._streams.TryGetValue(stream, out Ngtcp2Stream? found) && !found.ReadStopped)
            {
                connection._handler!.OnStreamData(connection, stream, new ReadOnlySpan<byte>(data, (int)length), end);
            }
            else
            {
                connection.Consume(stream, (int)length);
            }

            return Ok;
        }
        catch (Exception e)
        {
            return connection.Faulted(e);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnAcknowledged(
        nint native, long stream, ulong offset, ulong length, nint userData, nint streamData)
    {
        Ngtcp2Connection connection = Of(userData);
        try
        {
            if (length > 0 && connection._streams.TryGetValue(stream, out Ngtcp2Stream? found))
            {
                connection._unacknowledged -= (long)length;
                connection._progress = true;
                found.Queue.Acknowledge((long)length);
            }

            return Ok;
        }
        catch (Exception e)
        {
            return connection.Faulted(e);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnStreamOpened(nint native, long stream, nint userData)
    {
        Ngtcp2Connection connection = Of(userData);
        try
        {
            connection._streams.Add(stream, new Ngtcp2Stream(stream));
            connection._handler!.OnStreamOpened(connection, stream, Ngtcp2Stream.IsUnidirectional(stream));
            return Ok;
        }
        catch (Exception e)
        {
            return connection.Faulted(e);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnStreamClosed(
        nint native, uint flags, long stream, ulong errorCode, nint userData, nint streamData)
    {
        Ngtcp2Connection connection = Of(userData);
        try
        {
            connection.StreamClosed(stream, (flags & NgTcp2.StreamCloseErrorSet) != 0 ? errorCode : null);
            return Ok;
        }
        catch (Exception e)
        {
            return connection.Faulted(e);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnStreamReset(
        nint native, long stream, ulong finalSize, ulong errorCode, nint userData, nint streamData)
    {
        Ngtcp2Connection connection = Of(userData);
        try
        {
            if (connection._streams.TryGetValue(stream, out Ngtcp2Stream? found) && !found.ReadStopped)
            {
                found.ReadStopped = true;
                connection._handler!.OnStreamAborted(connection, stream, sendingSide: false, errorCode);
            }

            return Ok;
        }
        catch (Exception e)
        {
            return connection.Faulted(e);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnStatelessReset(nint native, void* packet, nint userData)
    {
        Of(userData)._statelessReset = true;
        return Ok;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnPeerConnectionId(
        nint native, int status, ulong sequence, NgCid* cid, byte* token, nint userData)
    {
        Ngtcp2Connection connection = Of(userData);
        try
        {
            if (token != null)
            {
                connection.TrackResetToken(
                    Unsafe.ReadUnaligned<UInt128>(token), status == NgTcp2.ConnectionIdActivated);
            }

            return Ok;
        }
        catch (Exception e)
        {
            return connection.Faulted(e);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnMoreStreams(nint native, ulong maxStreams, nint userData)
    {
        Of(userData)._progress = true;
        return Ok;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnMoreStreamCredit(nint native, long stream, ulong maxData, nint userData, nint streamData)
    {
        Ngtcp2Connection connection = Of(userData);
        if (connection._streams.TryGetValue(stream, out Ngtcp2Stream? found))
        {
            found.Blocked = false;
            connection.Schedule(found);
        }

        return Ok;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnRandom(byte* data, nuint length, void* context) =>
        _ = GnuTls.gnutls_rnd(GnuTls.RandomNonce, data, length);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnNewConnectionId(nint native, NgCid* cid, byte* token, nuint length, nint userData)
    {
        Ngtcp2Connection connection = Of(userData);
        try
        {
            connection._endpoint.MakeConnectionId(cid);
            connection._endpoint.MakeResetToken(cid, token);
            connection.AddId(cid);
            return Ok;
        }
        catch (Exception e)
        {
            return connection.Faulted(e);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnRemoveConnectionId(nint native, NgCid* cid, nint userData)
    {
        Ngtcp2Connection connection = Of(userData);
        ConnectionId id = ConnectionId.From(cid);
        if (connection._ids.Remove(id))
        {
            connection._endpoint.Ids.Remove(id);
        }

        return Ok;
    }

    private void HandshakeCompleted()
    {
        _phase = Phase.Open;
        _alpn = _tls.GetAlpn();
        _endpoint.OnHandshakeCompleted(this);
        _handler ??= _endpoint.Accept(this);
        if (_handler is null)
        {
            _handler = RefusedConnectionHandler.Instance;
            Refuse();
            return;
        }

        _handler.OnConnected(this);
    }

    /// <summary>
    /// A stateless reset carries no ID of ours, only the token that the peer gave out with its own (RFC 9000 section
    /// 10.3).
    /// </summary>
    private void TrackResetToken(UInt128 token, bool active)
    {
        if (active)
        {
            if (_endpoint.ResetTokens.TryAdd(token, this))
            {
                _resetTokens.Add(token);
            }
        }
        else if (_resetTokens.Remove(token))
        {
            _endpoint.ResetTokens.Remove(token);
        }
    }

    private void StreamClosed(long stream, ulong? errorCode)
    {
        if (_streams.Remove(stream, out Ngtcp2Stream? closed))
        {
            _lostBefore += (long)NgTcp2.ngtcp2_conn_get_stream_loss_count(_native, stream);
            Unschedule(closed);
            bool ended = closed.FinishSent && closed.Queue.Held == 0;
            _unacknowledged -= closed.Queue.Clear();
            _progress = true;
            if (CanWrite(stream) && !ended && errorCode is ulong code)
            {
                TellStopped(closed, code);
            }
        }

        if (Ngtcp2Stream.IsOpenedByServer(stream) != _isServer)
        {
            if (Ngtcp2Stream.IsUnidirectional(stream))
            {
                NgTcp2.ngtcp2_conn_extend_max_streams_uni(_native, 1);
            }
            else
            {
                NgTcp2.ngtcp2_conn_extend_max_streams_bidi(_native, 1);
            }
        }
    }

    /// <summary>The peer wants no more of what we send on a stream; told once.</summary>
    private void TellStopped(Ngtcp2Stream stream, ulong errorCode)
    {
        if (!stream.StopTold && !stream.ResetByUs)
        {
            stream.StopTold = true;
            _handler!.OnStreamAborted(this, stream.Id, sendingSide: true, errorCode);
        }
    }

    private int Faulted(Exception e)
    {
        _fault ??= e.Message;
        _endpoint.Report(e);
        return NgTcp2Error.CallbackFailure;
    }
}
