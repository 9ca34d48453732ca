using System.Runtime.InteropServices;
using NexusD.Quic.Native;

namespace NexusD.Quic.Ngtcp2;

/// <summary>
/// Options in ngtcp2's form, made once for an endpoint and copied for each connection. Every range that ngtcp2 asserts
/// is checked by <see cref="QuicOptionsCheck"/> before it gets here.
/// </summary>
internal sealed unsafe class TransportTemplate : IDisposable
{
    /// <summary>
    /// RFC 9002 recommends 333 ms for the whole Internet; links between daemons are shorter, and only lost handshakes
    /// feel it.
    /// </summary>
    private const ulong InitialRttNs = 100_000_000;

    /// <summary>
    /// Acknowledge every so many packets (RFC 9000 section 13.2.2 suggests 2); GRO delivers tens of them at once.
    /// </summary>
    private const int AckThreshold = 10;

    /// <summary>Connection IDs a peer may keep ready for us to move with (RFC 9000 section 5.1.1).</summary>
    private const int ActiveConnectionIds = 4;

    private const int MaxProbes = 3;

    private readonly ushort* _probes;
    private NgSettings _settings;
    private NgTransportParameters _parameters;

    public TransportTemplate(QuicEndpointOptions options, int maxDatagramBytes)
    {
        _probes = (ushort*)NativeMemory.Alloc(MaxProbes, sizeof(ushort));
        fixed (NgSettings* settings = &_settings)
        {
            NgTcp2.ngtcp2_settings_default_versioned(NgSettings.Version, settings);
        }

        fixed (NgTransportParameters* parameters = &_parameters)
        {
            NgTcp2.ngtcp2_transport_params_default_versioned(NgTransportParameters.Version, parameters);
        }

        int probes = FillProbes(options.MaxUdpPayloadBytes);
        _settings.CongestionAlgorithm = NgSettings.CongestionCubic;
        _settings.InitialRtt = InitialRttNs;
        _settings.MaxTxUdpPayloadSize = (nuint)options.MaxUdpPayloadBytes;
        _settings.AckThreshold = AckThreshold;
        _settings.HandshakeTimeout = Nanoseconds(options.HandshakeTimeout);
        _settings.NoPmtud = probes == 0 ? (byte)1 : (byte)0;
        _settings.PmtudProbes = _probes;
        _settings.PmtudProbesLength = (nuint)probes;

        _parameters.InitialMaxData = (ulong)options.ConnectionWindowBytes;
        _parameters.InitialMaxStreamDataBidiLocal = (ulong)options.StreamWindowBytes;
        _parameters.InitialMaxStreamDataBidiRemote = (ulong)options.StreamWindowBytes;
        _parameters.InitialMaxStreamDataUni = (ulong)options.StreamWindowBytes;
        _parameters.InitialMaxStreamsBidi = (ulong)options.MaxPeerStreams;
        _parameters.InitialMaxStreamsUni = (ulong)options.MaxPeerStreams;
        _parameters.MaxIdleTimeout = Nanoseconds(options.IdleTimeout);
        _parameters.MaxUdpPayloadSize = (ulong)Math.Min(maxDatagramBytes, 65_527);
        _parameters.ActiveConnectionIdLimit = ActiveConnectionIds;
    }

    /// <summary>A copy to complete for one connection.</summary>
    public NgSettings CopySettings(ulong now)
    {
        NgSettings copy = _settings;
        copy.InitialTimestamp = now;
        return copy;
    }

    /// <summary>A copy to complete for one connection.</summary>
    public NgTransportParameters CopyParameters() => _parameters;

    public void Dispose() => NativeMemory.Free(_probes);

    public static ulong Nanoseconds(TimeSpan time) => (ulong)time.Ticks * 100;

    /// <summary>The sizes to try beyond 1200: an Ethernet path, a jumbo path, then whatever is allowed.</summary>
    private int FillProbes(int max)
    {
        int count = 0;
        foreach (int size in (ReadOnlySpan<int>)[1452, 8952])
        {
            if (size < max)
            {
                _probes[count++] = (ushort)size;
            }
        }

        if (max > NgTcp2.MinUdpPayload)
        {
            _probes[count++] = (ushort)max;
        }

        return count;
    }
}
