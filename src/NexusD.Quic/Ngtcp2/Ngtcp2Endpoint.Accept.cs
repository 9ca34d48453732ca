using NexusD.Quic.Native;

namespace NexusD.Quic.Ngtcp2;

/// <summary>
/// Packets that belong to no connection. Strangers cost as little as possible: what cannot start a connection is
/// counted and dropped, answers are limited in number and never larger than what they answer, and under load an address
/// must be proven before any state is kept (RFC 9000 sections 8.1.2, 10.3 and 5.2.2).
/// </summary>
internal sealed unsafe partial class Ngtcp2Endpoint
{
    /// <summary>Answers to strangers per second: Retry, Version Negotiation, stateless reset, refusals.</summary>
    private const int AnswersPerSecond = 2000;

    private const ulong RetryTokenLifetimeNs = 10_000_000_000;
    private const int AnswerBufferBytes = 1500;

    /// <summary>
    /// A stateless reset is shorter than what it answers, so that two endpoints cannot answer each other for ever, and
    /// has at least 21 bytes (RFC 9000 section 10.3).
    /// </summary>
    private const int MinResetTrigger = 22;

    private const int MaxResetRandom = 40;

    private const ulong ConnectionRefused = 0x2;
    private const ulong InvalidToken = 0xb;

    private int _answersLeft = AnswersPerSecond;
    private long _answersSince;

    private Ngtcp2Connection? TryAccept(byte* data, int length, UdpAddress* remote, UdpAddress* local, long now)
    {
        NgPacketHeader header;
        if (_options.Accept is null || _disposed || NgTcp2.ngtcp2_accept(&header, data, (nuint)length) != 0)
        {
            _dropped++;
            return null;
        }

        NgCid original = header.DestinationCid;
        bool hasToken = header.TokenLength > 0 && header.Token[0] == NgTcp2Crypto.RetryTokenMagic;
        if (hasToken)
        {
            int result = NgTcp2Crypto.ngtcp2_crypto_verify_retry_token2(
                &original, header.Token, header.TokenLength, RetrySecret, SecretBytes, header.Version,
                remote, remote->Length, &header.DestinationCid, RetryTokenLifetimeNs, (ulong)now);
            if (result != 0)
            {
                SendRefusal(&header, InvalidToken, remote, local, now);
                return null;
            }
        }
        else if (_serverHandshakes >= _options.RetryAboveHandshakes)
        {
            SendRetry(&header, remote, local, now);
            return null;
        }

        if (_connections.Count >= _options.MaxConnections)
        {
            SendRefusal(&header, ConnectionRefused, remote, local, now);
            return null;
        }

        Ngtcp2Connection connection = Ngtcp2Connection.Accept(this, &header, &original, hasToken, *remote, *local, now);
        _connections.Add(connection);
        _serverHandshakes++;
        return connection;
    }

    private bool MayAnswer(long now)
    {
        const long Second = 1_000_000_000;
        if (now - _answersSince >= Second)
        {
            _answersSince = now;
            _answersLeft = AnswersPerSecond;
        }

        return _answersLeft-- > 0;
    }

    private void SendRetry(NgPacketHeader* header, UdpAddress* remote, UdpAddress* local, long now)
    {
        if (!MayAnswer(now))
        {
            _dropped++;
            return;
        }

        NgCid scid;
        MakeConnectionId(&scid);
        byte* token = stackalloc byte[NgTcp2Crypto.MaxRetryTokenLength];
        nint tokenLength = NgTcp2Crypto.ngtcp2_crypto_generate_retry_token2(
            token, RetrySecret, SecretBytes, header->Version, remote, remote->Length, &scid, &header->DestinationCid,
            (ulong)now);
        byte* packet = stackalloc byte[AnswerBufferBytes];
        nint length = tokenLength < 0 ? tokenLength : NgTcp2Crypto.ngtcp2_crypto_write_retry(
            packet, AnswerBufferBytes, header->Version, &header->SourceCid, &scid, &header->DestinationCid,
            token, (nuint)tokenLength);
        if (length > 0)
        {
            _retries++;
            SendControl(packet, (int)length, remote, local);
        }
    }

    private void SendRefusal(NgPacketHeader* header, ulong code, UdpAddress* remote, UdpAddress* local, long now)
    {
        _failed++;
        if (!MayAnswer(now))
        {
            return;
        }

        byte* packet = stackalloc byte[AnswerBufferBytes];
        nint length = NgTcp2Crypto.ngtcp2_crypto_write_connection_close(
            packet, AnswerBufferBytes, header->Version, &header->SourceCid, &header->DestinationCid, code, null, 0);
        if (length > 0)
        {
            SendControl(packet, (int)length, remote, local);
        }
    }

    private void AnswerVersion(NgVersionCid* ids, UdpAddress* remote, UdpAddress* local, long now)
    {
        _dropped++;
        if (_options.Accept is null || !MayAnswer(now))
        {
            return;
        }

        byte* packet = stackalloc byte[AnswerBufferBytes];
        byte random;
        GnuTls.Random(GnuTls.RandomNonce, new Span<byte>(&random, 1));
        uint version = NgTcp2.ProtocolVersion1;
        nint length = NgTcp2.ngtcp2_pkt_write_version_negotiation(
            packet, AnswerBufferBytes, random, ids->SourceCid, ids->SourceCidLength,
            ids->DestinationCid, ids->DestinationCidLength, &version, 1);
        if (length > 0)
        {
            SendControl(packet, (int)length, remote, local);
        }
    }

    /// <summary>
    /// A packet of a connection that we no longer have, as after a restart: tell the peer, with less than it sent.
    /// </summary>
    private void AnswerUnknown(byte* data, int length, UdpAddress* remote, UdpAddress* local, long now)
    {
        _dropped++;
        if (length < MinResetTrigger || !MayAnswer(now))
        {
            return;
        }

        NgCid cid;
        cid.Length = ConnectionId.OwnLength;
        Buffer.MemoryCopy(data + 1, cid.Data, NgCid.MaxLength, ConnectionId.OwnLength);
        byte* token = stackalloc byte[NgTcp2.StatelessResetTokenLength];
        MakeResetToken(&cid, token);
        int randomLength = Math.Min(MaxResetRandom, length - NgTcp2.StatelessResetTokenLength - 1);
        byte* random = stackalloc byte[MaxResetRandom];
        GnuTls.Random(GnuTls.RandomNonce, new Span<byte>(random, randomLength));
        byte* packet = stackalloc byte[AnswerBufferBytes];
        nint written = NgTcp2.ngtcp2_pkt_write_stateless_reset(
            packet, AnswerBufferBytes, token, random, (nuint)randomLength);
        if (written > 0)
        {
            SendControl(packet, (int)written, remote, local);
        }
    }
}
