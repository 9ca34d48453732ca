using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using NexusD.Protocol.Topics;

namespace NexusD.Daemon.Options;

/// <summary>How each kind of value is read: sizes, durations, ports, addresses, names and lists of them.</summary>
internal static class OptionReaders
{
    /// <summary>
    /// Suffixes of sizes. K, M, G and T count in powers of 1024, as K8s manifests' Ki and the like do; KB and the like
    /// are decimal.
    /// </summary>
    private static readonly (string Suffix, long Factor)[] _sizes =
    [
        ("KIB", 1L << 10), ("MIB", 1L << 20), ("GIB", 1L << 30), ("TIB", 1L << 40),
        ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000),
        ("KI", 1L << 10), ("MI", 1L << 20), ("GI", 1L << 30), ("TI", 1L << 40),
        ("K", 1L << 10), ("M", 1L << 20), ("G", 1L << 30), ("T", 1L << 40),
        ("B", 1), (string.Empty, 1),
    ];

    private static readonly (string Suffix, int Milliseconds)[] _durations =
        [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

    /// <summary>true, yes, on, 1 or false, no, off, 0.</summary>
    public static bool Switch(string text, out bool value)
    {
        value = text.ToUpperInvariant() is "TRUE" or "YES" or "ON" or "1";
        return value || text.ToUpperInvariant() is "FALSE" or "NO" or "OFF" or "0";
    }

    /// <summary>A whole number in a range.</summary>
    public static OptionReader<int> Count(int least, int most) => (string text, out int value) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value)
        && value >= least
        && value <= most;

    /// <summary>Stands for a time that the daemon chooses.</summary>
    public static readonly TimeSpan Auto = Timeout.InfiniteTimeSpan;

    /// <summary>Bytes in a range, with or without a suffix.</summary>
    public static OptionReader<long> Size(long least, long most) => (string text, out long value) =>
    {
        value = 0;
        string upper = text.ToUpperInvariant();
        (string suffix, long factor) = Array.Find(_sizes, s => upper.EndsWith(s.Suffix, StringComparison.Ordinal));
        string number = upper[..^suffix.Length].TrimEnd();
        if (!decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal amount)
            || amount > long.MaxValue / factor)
        {
            return false;
        }

        value = (long)(amount * factor);
        return value >= least && value <= most;
    };

    /// <summary>Stands for a size that the daemon chooses.</summary>
    public const long AutoSize = 0;

    /// <summary>Bytes in a range, or auto: <see cref="AutoSize"/>.</summary>
    public static OptionReader<long> SizeOrAuto(long least, long most)
    {
        OptionReader<long> size = Size(least, most);
        return (string text, out long value) =>
        {
            value = AutoSize;
            return text.Equals("auto", StringComparison.OrdinalIgnoreCase) || size(text, out value);
        };
    }

    /// <summary>A length of time with a suffix, in a range.</summary>
    public static OptionReader<TimeSpan> Duration(TimeSpan least, TimeSpan most) => (string text, out TimeSpan value) =>
    {
        value = default;
        string lower = text.ToLowerInvariant();
        (string suffix, int factor) = Array.Find(_durations, d => lower.EndsWith(d.Suffix, StringComparison.Ordinal));
        if (suffix is null)
        {
            return lower == "0" && least == TimeSpan.Zero;
        }

        string number = lower[..^suffix.Length].TrimEnd();
        if (!decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal amount)
            || amount > (decimal)most.TotalMilliseconds / factor)
        {
            return false;
        }

        value = TimeSpan.FromMilliseconds((double)(amount * factor));
        return value >= least;
    };

    /// <summary>A length of time, or auto: <see cref="Auto"/>.</summary>
    public static OptionReader<TimeSpan> DurationOrAuto(TimeSpan least, TimeSpan most)
    {
        OptionReader<TimeSpan> duration = Duration(least, most);
        return (string text, out TimeSpan value) =>
        {
            value = Auto;
            return text.Equals("auto", StringComparison.OrdinalIgnoreCase) || duration(text, out value);
        };
    }

    /// <summary>A port, 0 for any free one, or (where allowed) off.</summary>
    public static OptionReader<ListenPort> Port(bool mayBeOff) => (string text, out ListenPort value) =>
    {
        bool off = mayBeOff && text.Equals("off", StringComparison.OrdinalIgnoreCase);
        bool isNumber = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number);
        value = new ListenPort(off, number);
        return off || (isNumber && number < 65536);
    };

    /// <summary>Text of a number of UTF-8 bytes without control characters.</summary>
    public static OptionReader<string> Text(int leastBytes, int mostBytes) => (string text, out string value) =>
    {
        value = text;
        int bytes = Encoding.UTF8.GetByteCount(text);
        return bytes >= leastBytes && bytes <= mostBytes && !text.Any(char.IsControl);
    };

    /// <summary>One of some words, in any case; gives the word as it stands in the list.</summary>
    public static OptionReader<string> Choice(string[] choices) => (string text, out string value) =>
    {
        value = Array.Find(choices, c => c.Equals(text, StringComparison.OrdinalIgnoreCase)) ?? string.Empty;
        return value.Length > 0;
    };

    /// <summary>A topic filter, or a prefix that ends with a slash and stands for all topics below it.</summary>
    public static bool Filter(string text, out TopicFilter value)
    {
        string filter = text.EndsWith('/') ? text + "#" : text;
        bool isValid = TopicFilter.TryParse(Encoding.UTF8.GetBytes(filter), out TopicFilter? read) == TopicError.None;
        value = read!;
        return isValid;
    }

    /// <summary>Some values of another kind, separated by commas; blanks around them do not count.</summary>
    public static OptionReader<IReadOnlyList<T>> List<T>(OptionReader<T> one) =>
        (string text, out IReadOnlyList<T> values) => ReadList(text, one, out values);

    /// <summary>A path of a file: anything but nothing.</summary>
    public static bool Path(string text, out string value)
    {
        value = text;
        return text.Length > 0 && !text.Contains('\0', StringComparison.Ordinal);
    }

    /// <summary>A path of HTTP: a slash and unreserved characters (RFC 3986 section 2.3).</summary>
    public static bool HttpPath(string text, out string value)
    {
        value = text;
        return text.Length is > 1 and <= 128 && text[0] == '/'
            && text.All(static c => char.IsAsciiLetterOrDigit(c) || c is '/' or '-' or '.' or '_' or '~');
    }

    /// <summary>An IP address, or any for every one of this host.</summary>
    public static bool BindAddress(string text, out IPAddress value)
    {
        bool any = text is "*" || text.Equals("any", StringComparison.OrdinalIgnoreCase);
        value = any ? IPAddress.IPv6Any : IPAddress.None;
        return any || IPAddress.TryParse(text, out value!);
    }

    /// <summary>An IP address or localhost.</summary>
    public static bool AppAddress(string text, out IPAddress value)
    {
        bool local = text.Equals("localhost", StringComparison.OrdinalIgnoreCase);
        value = IPAddress.Loopback;
        return local || IPAddress.TryParse(text, out value!);
    }

    /// <summary>An IPv4 multicast group (224.0.0.0/4).</summary>
    public static bool MulticastGroup(string text, out IPAddress value) =>
        IPAddress.TryParse(text, out value!)
        && value.AddressFamily == AddressFamily.InterNetwork
        && (value.GetAddressBytes()[0] & 0xF0) == 0xE0;

    /// <summary>A host with a port, 5671 where none stands.</summary>
    public static bool Peer(string text, out HostAndPort value) => HostAndPort.TryRead(text, 5671, out value);

    private static bool ReadList<T>(string text, OptionReader<T> one, out IReadOnlyList<T> values)
    {
        var read = new List<T>();
        values = read;
        foreach (string part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (!one(part, out T value))
            {
                return false;
            }

            if (!read.Contains(value))
            {
                read.Add(value);
            }
        }

        return true;
    }
}
