using System.Net;
using System.Text.RegularExpressions;
using NexusD.Daemon.Options;

namespace NexusD.Daemon.Tests.Options;

public sealed class OptionTableTests
{
    [Fact]
    public void Names_and_aliases_are_unique_and_plain()
    {
        string[] names = [.. OptionTable.All.SelectMany(o => o.Names).Select(n => n.Name)];
        Assert.Equal(names.Length, names.Distinct(StringComparer.OrdinalIgnoreCase).Count());
        Assert.All(names, n => Assert.Matches("^[a-z0-9]+(-[a-z0-9]+)*$", n));
    }

    [Fact]
    public void Every_default_is_valid_and_every_choice_too()
    {
        foreach (OptionDefinition option in OptionTable.All)
        {
            bool valid = option.Default.Length == 0 || option.TryRead(option.Default, out _);
            Assert.True(valid, $"{option.Name}={option.Default}");
            Assert.All(option.Choices, c => Assert.True(option.TryRead(c, out _), $"{option.Name}={c}"));
        }
    }

    [Fact]
    public void Every_option_in_the_class_stands_in_the_list()
    {
        int fields = typeof(OptionTable).GetFields().Count(f => typeof(OptionDefinition).IsAssignableFrom(f.FieldType));
        Assert.Equal(fields, OptionTable.All.Count);
    }

    [Fact]
    public void Help_names_every_option_within_the_width_of_a_terminal()
    {
        string help = OptionText.Help();
        Assert.All(OptionTable.All, o => Assert.Contains($"  --{o.Name}", help, StringComparison.Ordinal));
        Assert.All(help.Split('\n'), line => Assert.True(line.Length <= 112 && !line.EndsWith(' '), line));
    }

    [Fact]
    public void Check_config_names_every_value_and_its_source()
    {
        var variables = new Dictionary<string, string> { ["NEXUSD_QUIC"] = "msquic" };
        string[] lines = OptionText.Effective(OptionLoader.Load(["--cluster=x", "--peers=a"], variables)).Split('\n');
        Assert.Contains(lines, l => Regex.IsMatch(l, @"^cluster = x +\(flag --cluster\)$"));
        Assert.Contains(lines, l => Regex.IsMatch(l, @"^quic = msquic +\(variable NEXUSD_QUIC\)$"));
        Assert.Contains(lines, l => Regex.IsMatch(l, @"^mesh-port = 5671 +\(default\)$"));
        Assert.Contains(lines, l => Regex.IsMatch(l, @"^discovery = multicast,static +\(default\)$"));
        int shown = OptionTable.All.Count(o => o.Group != OptionGroup.Command);
        Assert.Equal(shown, lines.Count(l => l.Contains(" = ", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("1024", 1024)]
    [InlineData("1k", 1024)]
    [InlineData("50M", 50L << 20)]
    [InlineData("2GiB", 2L << 30)]
    [InlineData("2Gi", 2L << 30)]
    [InlineData("1.5MiB", 3L << 19)]
    [InlineData("3 MB", 3_000_000)]
    [InlineData("512B", 512)]
    public void Sizes_are_read(string text, long expected)
    {
        Assert.True(OptionReaders.Size(0, long.MaxValue)(text, out long value));
        Assert.Equal(expected, value);
    }

    [Theory]
    [InlineData("")]
    [InlineData("M")]
    [InlineData("-1")]
    [InlineData("1e3")]
    [InlineData("0x10")]
    [InlineData("99999999999999999999999G")]
    [InlineData("9999999T")]
    [InlineData("NaN")]
    public void Sizes_that_are_none_are_refused(string text) =>
        Assert.False(OptionReaders.Size(0, 1L << 40)(text, out _));

    [Theory]
    [InlineData("500ms", 500)]
    [InlineData("10s", 10_000)]
    [InlineData("1.5s", 1_500)]
    [InlineData("2m", 120_000)]
    [InlineData("1H", 3_600_000)]
    [InlineData("0", 0)]
    public void Durations_are_read(string text, double milliseconds)
    {
        Assert.True(OptionReaders.Duration(TimeSpan.Zero, TimeSpan.FromHours(1))(text, out TimeSpan value));
        Assert.Equal(milliseconds, value.TotalMilliseconds);
    }

    [Theory]
    [InlineData("10")]
    [InlineData("s")]
    [InlineData("-1s")]
    [InlineData("61m")]
    [InlineData("NaNs")]
    [InlineData("Infinitys")]
    [InlineData("")]
    public void Durations_that_are_none_are_refused(string text) =>
        Assert.False(OptionReaders.Duration(TimeSpan.Zero, TimeSpan.FromHours(1))(text, out _));

    [Theory]
    [InlineData("edge-7", "edge-7", 5671)]
    [InlineData("edge-7.site.example:99", "edge-7.site.example", 99)]
    [InlineData("10.0.0.7:5000", "10.0.0.7", 5000)]
    [InlineData("[fd00::7]:5000", "fd00::7", 5000)]
    [InlineData("[fd00::7]", "fd00::7", 5671)]
    [InlineData("fd00::7", "fd00::7", 5671)]
    public void Peers_are_read(string text, string host, int port)
    {
        Assert.True(HostAndPort.TryRead(text, 5671, out HostAndPort value));
        Assert.Equal(new HostAndPort(host, port), value);
        string written = host.Contains(':', StringComparison.Ordinal) ? $"[{host}]:{port}" : $"{host}:{port}";
        Assert.Equal(written, value.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData(":1")]
    [InlineData("a:")]
    [InlineData("a:0")]
    [InlineData("a:65536")]
    [InlineData("a:1:2")]
    [InlineData("-a:1")]
    [InlineData("[::1")]
    [InlineData("[::1]x")]
    [InlineData("[::1]:")]
    [InlineData("[a]:1")]
    [InlineData("a b:1")]
    [InlineData("http://a:1")]
    public void Peers_that_are_none_are_refused(string text) => Assert.False(HostAndPort.TryRead(text, 5671, out _));

    [Fact]
    public void Bind_addresses_are_read()
    {
        Assert.True(OptionReaders.BindAddress("any", out IPAddress any));
        Assert.Equal(IPAddress.IPv6Any, any);
        Assert.True(OptionReaders.BindAddress("10.0.0.1", out IPAddress one));
        Assert.Equal("10.0.0.1", one.ToString());
        Assert.False(OptionReaders.BindAddress("eth0", out _));
        Assert.False(OptionReaders.BindAddress("", out _));
    }

    [Theory]
    [InlineData("ca", "ac", 1)]
    [InlineData("cluster", "clutser", 1)]
    [InlineData("abc", "", 3)]
    [InlineData("kitten", "sitting", 3)]
    public void Distances_count_edits_and_swaps(string a, string b, int expected)
    {
        Assert.Equal(expected, Spelling.Distance(a, b));
        Assert.Equal(expected, Spelling.Distance(b, a));
    }
}
