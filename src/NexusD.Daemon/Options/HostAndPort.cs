using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace NexusD.Daemon.Options;

/// <summary>
/// A host name or IP address with a port: <c>edge-7:5671</c>, <c>10.0.0.7</c>, <c>[fd00::7]:5671</c>.
/// </summary>
/// <param name="Host">Name or address; an IPv6 address without brackets.</param>
/// <param name="Port">1 to 65535.</param>
internal readonly record struct HostAndPort(string Host, int Port)
{
    /// <summary>Longest host name (RFC 1035 section 2.3.4).</summary>
    private const int MaxHostLength = 253;

    /// <summary>Reads the forms above; without a port it is <paramref name="defaultPort"/>.</summary>
    public static bool TryRead(string text, int defaultPort, out HostAndPort value)
    {
        value = default;
        string host = text;
        string? port = null;
        if (text.StartsWith('['))
        {
            int end = text.IndexOf(']', StringComparison.Ordinal);
            if (end < 0 || !IsIpv6(text[1..end]) || (end + 1 < text.Length && text[end + 1] != ':'))
            {
                return false;
            }

            host = text[1..end];
            port = end + 1 < text.Length ? text[(end + 2)..] : null;
        }
        else if (!IsIpv6(text) && text.LastIndexOf(':') is >= 0 and int colon)
        {
            (host, port) = (text[..colon], text[(colon + 1)..]);
        }

        int number = defaultPort;
        bool portIsNumber = port is null
            || int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out number);
        value = new HostAndPort(host, number);
        return portIsNumber && number is > 0 and < 65536 && (IsIpv6(host) || IsHostName(host));
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        string host = Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host;
        return string.Create(CultureInfo.InvariantCulture, $"{host}:{Port}");
    }

    private static bool IsIpv6(string text) =>
        IPAddress.TryParse(text, out IPAddress? address) && address.AddressFamily == AddressFamily.InterNetworkV6;

    private static bool IsHostName(string text) =>
        text.Length is > 0 and <= MaxHostLength
        && text.All(static c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_')
        && text[0] is not ('-' or '.');
}
