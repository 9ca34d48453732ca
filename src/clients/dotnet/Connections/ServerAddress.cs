using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace NexusdClient.Connections;

/// <summary>
/// Where a daemon listens: <c>host:port</c>, <c>host</c>, <c>[::1]:port</c>, <c>unix:/path</c> or <c>/path</c>, or a
/// list of these with commas: the first that answers is used. Without an address NEXUSD_ADDR counts, else the default
/// socket if it exists, else localhost:5672. Parsing does no I/O.
/// </summary>
internal sealed class ServerAddress
{
    internal const int DefaultPort = 5672;
    internal const string Variable = "NEXUSD_ADDR";
    internal const string SystemSocketPath = "/run/nexusd/nexusd.sock";

    // sun_path holds 108 bytes on Linux, 104 on macOS, the closing zero included.
    private const int MaxSocketPathBytes = 103;

    private static readonly SearchValues<char> NotInHost = SearchValues.Create(" \t/\\@#?");

    private readonly string? _path;
    private readonly string? _host;
    private readonly int _port;
    private readonly ServerAddress[] _list = [];

    private ServerAddress(string? path, string? host, int port)
    {
        _path = path;
        _host = host;
        _port = port;
    }

    private ServerAddress(ServerAddress[] list) => _list = list;

    /// <summary>
    /// The address of a client that was given none and finds none in the environment: looked up at each attempt.
    /// </summary>
    internal static ServerAddress Default { get; } = new(null, null, DefaultPort);

    /// <summary>Reads an address.</summary>
    /// <exception cref="ArgumentException">It has none of the forms; the text names them.</exception>
    internal static ServerAddress Parse(string? text)
    {
        if (text is not null)
        {
            return ParseText(text.Trim(), $"The address '{text}'");
        }

        var variable = Environment.GetEnvironmentVariable(Variable);
        return string.IsNullOrWhiteSpace(variable)
            ? Default
            : ParseText(variable.Trim(), $"The environment variable {Variable}='{variable}'");
    }

    /// <summary>The places to try, in order. May ask DNS and look for the default socket.</summary>
    internal EndPoint[] Resolve()
    {
        if (_list.Length > 0)
        {
            return ResolveList();
        }

        if (_path is not null)
        {
            return [new UnixDomainSocketEndPoint(_path)];
        }

        if (_host is null && DefaultSocketPath() is { } found)
        {
            return [new UnixDomainSocketEndPoint(found)];
        }

        if (_host is null || _host.Equals("localhost", StringComparison.OrdinalIgnoreCase))
        {
            return [new IPEndPoint(IPAddress.IPv6Loopback, _port), new IPEndPoint(IPAddress.Loopback, _port)];
        }

        if (IPAddress.TryParse(_host, out var ip))
        {
            return [new IPEndPoint(ip, _port)];
        }

        try
        {
            return Dns.GetHostAddresses(_host).Select(EndPoint (address) => new IPEndPoint(address, _port)).ToArray();
        }
        catch (SocketException e)
        {
            throw new ConnectionException($"The host name '{_host}' was not found: check the address {this}.", e);
        }
    }

    public override string ToString()
    {
        if (_list.Length > 0)
        {
            return string.Join(',', _list.AsEnumerable());
        }

        if (_path is not null)
        {
            return $"unix:{_path}";
        }

        if (_host is null)
        {
            return DefaultSocketPath() is { } found ? $"unix:{found}" : $"localhost:{_port}";
        }

        return _host.Contains(':', StringComparison.Ordinal) ? $"[{_host}]:{_port}" : $"{_host}:{_port}";
    }

    private EndPoint[] ResolveList()
    {
        var found = new List<EndPoint>();
        ConnectionException? failure = null;
        foreach (var address in _list)
        {
            try
            {
                found.AddRange(address.Resolve());
            }
            catch (ConnectionException e)
            {
                failure = e;
            }
        }

        return found.Count == 0 && failure is not null ? throw failure : [.. found];
    }

    private static string? DefaultSocketPath()
    {
        if (File.Exists(SystemSocketPath))
        {
            return SystemSocketPath;
        }

        var runtime = Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR");
        if (string.IsNullOrEmpty(runtime))
        {
            return null;
        }

        var path = Path.Combine(runtime, "nexusd.sock");
        return File.Exists(path) ? path : null;
    }

    private static ServerAddress ParseText(string text, string what)
    {
        if (text.Contains(',', StringComparison.Ordinal))
        {
            return new ServerAddress([.. text.Split(',').Select(one => ParseText(one.Trim(), what))]);
        }

        const string forms = "is not 'host:port', '[::1]:port', 'unix:/path' or '/path'";
        if (text.StartsWith("unix:", StringComparison.Ordinal) || text.StartsWith('/'))
        {
            var path = text.StartsWith('/') ? text : text["unix:".Length..];
            path = path.StartsWith("//", StringComparison.Ordinal) ? path[2..] : path;
            return CheckPath(path, what);
        }

        if (text.Contains("://", StringComparison.Ordinal))
        {
            throw new ArgumentException($"{what} {forms}: leave out what stands before '://'.");
        }

        var (host, port) = SplitPort(text);
        if (host.Length == 0 || host.AsSpan().ContainsAny(NotInHost))
        {
            throw new ArgumentException($"{what} {forms}.");
        }

        if (port is null)
        {
            return new ServerAddress(null, host, DefaultPort);
        }

        if (!int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            || number is < 1 or > 65_535)
        {
            throw new ArgumentException($"{what} has the port '{port}'; a port is a number from 1 to 65535.");
        }

        return new ServerAddress(null, host, number);
    }

    private static ServerAddress CheckPath(string path, string what)
    {
        if (path.Length == 0 || path.Contains('\0', StringComparison.Ordinal))
        {
            throw new ArgumentException($"{what} names no socket: write unix:/path/to/nexusd.sock.");
        }

        if (System.Text.Encoding.UTF8.GetByteCount(path) > MaxSocketPathBytes)
        {
            throw new ArgumentException(
                $"{what} is too long for a Unix socket; at most {MaxSocketPathBytes} bytes are possible.");
        }

        return new ServerAddress(path, null, 0);
    }

    private static (string Host, string? Port) SplitPort(string text)
    {
        if (text.StartsWith('['))
        {
            var end = text.IndexOf(']', StringComparison.Ordinal);
            if (end < 0)
            {
                return (string.Empty, null);
            }

            var rest = text[(end + 1)..];
            return rest.Length == 0 ? (text[1..end], null)
                : rest[0] == ':' ? (text[1..end], rest[1..])
                : (string.Empty, null);
        }

        var colon = text.LastIndexOf(':');
        if (colon < 0)
        {
            return (text, null);
        }

        // Several colons without brackets: an IPv6 address, which has no port of its own.
        return text.IndexOf(':', StringComparison.Ordinal) == colon
            ? (text[..colon], text[(colon + 1)..])
            : (text, null);
    }
}
