using System.Text;

namespace NexusD.Quic;

/// <summary>
/// Refuses options outside their documented range with the option's name; ngtcp2 would abort the process on some of
/// them.
/// </summary>
internal static class QuicOptionsCheck
{
    private const int KiB = 1024;
    private const int MiB = 1024 * KiB;
    private const int MaxAlpnBytes = 255;

    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public static void Check(QuicEndpointOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Range(
            options.IdleTimeout, TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(10), nameof(options.IdleTimeout));
        Range(
            options.HandshakeTimeout, TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(1),
            nameof(options.HandshakeTimeout));
        if (options.KeepAlive != TimeSpan.Zero)
        {
            Range(
                options.KeepAlive, TimeSpan.FromMilliseconds(10), TimeSpan.FromMinutes(10), nameof(options.KeepAlive));
        }

        Range(options.ConnectionWindowBytes, 64 * KiB, 64 * MiB, nameof(options.ConnectionWindowBytes));
        Range(options.StreamWindowBytes, 16 * KiB, 64 * MiB, nameof(options.StreamWindowBytes));
        Range(options.MaxPeerStreams, 1, 1000, nameof(options.MaxPeerStreams));
        Range(options.MaxConnections, 1, 1_000_000, nameof(options.MaxConnections));
        Range(options.RetryAboveHandshakes, 0, int.MaxValue, nameof(options.RetryAboveHandshakes));
        Range(options.MaxUdpPayloadBytes, 1200, 65_000, nameof(options.MaxUdpPayloadBytes));
        if (options.Alpn.Length is 0 or > MaxAlpnBytes || !Ascii.IsValid(options.Alpn))
        {
            throw new ArgumentException("The application protocol must be 1 to 255 ASCII characters.", nameof(options));
        }

        if (options.ResetSecret.Length is not (0 or 32))
        {
            throw new ArgumentException(
                "The reset secret must be 32 bytes, or empty for a random one.", nameof(options));
        }
    }

    /// <exception cref="ArgumentException">The name cannot be a DNS name.</exception>
    public static void Check(QuicConnectOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        const int MaxNameBytes = 253;
        if (options.ServerName is { } name && (name.Length is 0 or > MaxNameBytes || !Ascii.IsValid(name)))
        {
            throw new ArgumentException("The server name must be 1 to 253 ASCII characters.", nameof(options));
        }

        if (options.Remote.Port == 0)
        {
            throw new ArgumentException($"{options.Remote} has no port.", nameof(options));
        }
    }

    private static void Range<T>(T value, T least, T most, string name)
        where T : IComparable<T>
    {
        if (value.CompareTo(least) < 0 || value.CompareTo(most) > 0)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be {least} to {most}.");
        }
    }
}
