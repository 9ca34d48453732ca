using NexusD.Quic.Native;
using Xunit;

namespace NexusD.Quic.Tests.Ngtcp2;

/// <summary>
/// The structs that cross into C have the sizes and offsets of ngtcp2 1.11 on a 64-bit machine, as a C compiler gave
/// them. A wrong one would corrupt memory rather than fail.
/// </summary>
public unsafe class LayoutTests
{
    [Fact]
    public void Sizes_are_those_of_c()
    {
        Assert.Equal(184, sizeof(NgSettings));
        Assert.Equal(344, sizeof(NgTransportParameters));
        Assert.Equal(320, sizeof(NgCallbacks));
        Assert.Equal(32, sizeof(NgCid));
        Assert.Equal(16, sizeof(NgVec));
        Assert.Equal(8, sizeof(NgPacketInfo));
        Assert.Equal(112, sizeof(NgPacketHeader));
        Assert.Equal(40, sizeof(NgVersionCid));
        Assert.Equal(16, sizeof(NgAddress));
        Assert.Equal(40, sizeof(NgPath));
        Assert.Equal(56, sizeof(NgConnectionInfo));
        Assert.Equal(40, sizeof(NgCloseError));
        Assert.Equal(16, sizeof(NgCryptoConnectionRef));
        Assert.Equal(96, sizeof(NgPreferredAddress));
        Assert.Equal(UdpAddress.Size, sizeof(UdpAddress));
        Assert.Equal(56, sizeof(UdpNative.Message));
        Assert.Equal(64, sizeof(UdpNative.BatchMessage));
        Assert.Equal(16, sizeof(UdpNative.ControlHeader));
        Assert.Equal(16, sizeof(GnuTls.Datum));
        Assert.Equal(24, sizeof(GnuTls.TypedData));
    }

    [Fact]
    public void Offsets_of_settings_are_those_of_c()
    {
        NgSettings s;
        byte* start = (byte*)&s;
        Assert.Equal(8, (byte*)&s.CongestionAlgorithm - start);
        Assert.Equal(16, (byte*)&s.InitialTimestamp - start);
        Assert.Equal(24, (byte*)&s.InitialRtt - start);
        Assert.Equal(40, (byte*)&s.MaxTxUdpPayloadSize - start);
        Assert.Equal(48, (byte*)&s.Token - start);
        Assert.Equal(56, (byte*)&s.TokenLength - start);
        Assert.Equal(64, (byte*)&s.TokenType - start);
        Assert.Equal(72, (byte*)&s.RandomContext - start);
        Assert.Equal(80, (byte*)&s.MaxWindow - start);
        Assert.Equal(88, (byte*)&s.MaxStreamWindow - start);
        Assert.Equal(96, (byte*)&s.AckThreshold - start);
        Assert.Equal(104, &s.NoTxUdpPayloadSizeShaping - start);
        Assert.Equal(112, (byte*)&s.HandshakeTimeout - start);
        Assert.Equal(120, (byte*)&s.PreferredVersions - start);
        Assert.Equal(136, (byte*)&s.AvailableVersions - start);
        Assert.Equal(152, (byte*)&s.OriginalVersion - start);
        Assert.Equal(156, &s.NoPmtud - start);
        Assert.Equal(160, (byte*)&s.InitialPacketNumber - start);
        Assert.Equal(168, (byte*)&s.PmtudProbes - start);
        Assert.Equal(176, (byte*)&s.PmtudProbesLength - start);
    }

    [Fact]
    public void Offsets_of_transport_parameters_are_those_of_c()
    {
        NgTransportParameters p;
        byte* start = (byte*)&p;
        Assert.Equal(96, (byte*)&p.OriginalDestinationCid - start);
        Assert.Equal(128, (byte*)&p.InitialSourceCid - start);
        Assert.Equal(160, (byte*)&p.RetrySourceCid - start);
        Assert.Equal(192, (byte*)&p.InitialMaxStreamDataBidiLocal - start);
        Assert.Equal(208, (byte*)&p.InitialMaxStreamDataUni - start);
        Assert.Equal(216, (byte*)&p.InitialMaxData - start);
        Assert.Equal(224, (byte*)&p.InitialMaxStreamsBidi - start);
        Assert.Equal(240, (byte*)&p.MaxIdleTimeout - start);
        Assert.Equal(248, (byte*)&p.MaxUdpPayloadSize - start);
        Assert.Equal(256, (byte*)&p.ActiveConnectionIdLimit - start);
        Assert.Equal(272, (byte*)&p.MaxAckDelay - start);
        Assert.Equal(288, &p.StatelessResetTokenPresent - start);
        Assert.Equal(290, &p.OriginalDestinationCidPresent - start);
        Assert.Equal(292, &p.RetrySourceCidPresent - start);
        Assert.Equal(294, p.StatelessResetToken - start);
        Assert.Equal(310, &p.GreaseQuicBit - start);
        Assert.Equal(312, (byte*)&p.VersionInformation - start);
        Assert.Equal(336, &p.VersionInformationPresent - start);
    }

    [Fact]
    public void Offsets_of_the_rest_are_those_of_c()
    {
        NgCallbacks c;
        Assert.Equal(64, (byte*)&c.RecvStreamData - (byte*)&c);
        Assert.Equal(72, (byte*)&c.AckedStreamDataOffset - (byte*)&c);
        Assert.Equal(80, (byte*)&c.StreamOpen - (byte*)&c);
        Assert.Equal(88, (byte*)&c.StreamClose - (byte*)&c);
        Assert.Equal(128, (byte*)&c.Rand - (byte*)&c);
        Assert.Equal(136, (byte*)&c.GetNewConnectionId - (byte*)&c);
        Assert.Equal(144, (byte*)&c.RemoveConnectionId - (byte*)&c);
        Assert.Equal(312, (byte*)&c.TlsEarlyDataRejected - (byte*)&c);

        NgPacketHeader h;
        Assert.Equal(32, (byte*)&h.SourceCid - (byte*)&h);
        Assert.Equal(64, (byte*)&h.PacketNumber - (byte*)&h);
        Assert.Equal(72, (byte*)&h.Token - (byte*)&h);
        Assert.Equal(80, (byte*)&h.TokenLength - (byte*)&h);
        Assert.Equal(104, (byte*)&h.Version - (byte*)&h);
        Assert.Equal(108, &h.Type - (byte*)&h);

        NgPath path;
        Assert.Equal(16, (byte*)&path.Remote - (byte*)&path);
        Assert.Equal(32, (byte*)&path.UserData - (byte*)&path);
    }

    [Fact]
    public void The_library_writes_its_defaults_where_we_read_them_and_nowhere_else()
    {
        NativeLibraries.EnsureLoaded();
        const byte Poison = 0xa5;
        const int Slack = 64;
        byte* settings = stackalloc byte[sizeof(NgSettings) + Slack];
        byte* parameters = stackalloc byte[sizeof(NgTransportParameters) + Slack];
        new Span<byte>(settings, sizeof(NgSettings) + Slack).Fill(Poison);
        new Span<byte>(parameters, sizeof(NgTransportParameters) + Slack).Fill(Poison);
        var s = (NgSettings*)settings;
        NgTcp2.ngtcp2_settings_default_versioned(NgSettings.Version, s);
        var p = (NgTransportParameters*)parameters;
        NgTcp2.ngtcp2_transport_params_default_versioned(NgTransportParameters.Version, p);

        Assert.Equal(NgSettings.CongestionCubic, s->CongestionAlgorithm);
        Assert.Equal(333_000_000UL, s->InitialRtt);
        Assert.Equal((nuint)1452, s->MaxTxUdpPayloadSize);
        Assert.Equal((nuint)2, s->AckThreshold);
        Assert.Equal(NgTcp2.Never, s->HandshakeTimeout);
        Assert.Equal(65_527UL, p->MaxUdpPayloadSize);
        Assert.Equal(3UL, p->AckDelayExponent);
        Assert.Equal(25_000_000UL, p->MaxAckDelay);
        Assert.Equal(2UL, p->ActiveConnectionIdLimit);
        Assert.False(new Span<byte>(settings + sizeof(NgSettings), Slack).ContainsAnyExcept(Poison));
        Assert.False(new Span<byte>(parameters + sizeof(NgTransportParameters), Slack).ContainsAnyExcept(Poison));
    }

    [Fact]
    public void The_loaded_library_is_the_one_these_structs_belong_to()
    {
        NativeLibraries.EnsureLoaded();
        Assert.InRange(NgTcp2.ngtcp2_version(0)->VersionNumber, 0x010b00, 0x0bffff);
        Assert.StartsWith("ngtcp2 1.", QuicEndpoint.Describe(QuicEngineKind.Ngtcp2), StringComparison.Ordinal);
    }
}
