using System.Text;
using Nexusctl.Arguments;
using Nexusctl.Input;

namespace Nexusctl.Tests;

public sealed class CsvTests
{
    [Theory]
    [InlineData("a,b\n1,2\n", "a|b;1|2")]
    [InlineData("a,b\r\n1,2", "a|b;1|2")]
    [InlineData("\uFEFFa,b\n1,2\n", "a|b;1|2")]
    [InlineData("a\n\n\nb\n", "a;b")]
    [InlineData("a,\n,b\n,\n", "a|;|b;|")]
    [InlineData("\"a,b\",\"c\"\"d\"\n", "a,b|c\"d")]
    [InlineData("\"a\nb\"\r\nc", "a\nb;c")]
    [InlineData("\"\",x\n", "|x")]
    [InlineData("a\"b,c\n", "a\"b|c")]
    [InlineData("x\r,y\n", "x\r|y")]
    public void Records_and_fields(string text, string expected)
    {
        var rows = new CsvReader(new OneByteStream(Encoding.UTF8.GetBytes(text)));
        var records = new List<string>();
        while (rows.Read())
        {
            records.Add(string.Join(
                '|', Enumerable.Range(0, rows.FieldCount).Select(f => Encoding.UTF8.GetString(rows.Field(f)))));
        }

        Assert.Equal(expected, string.Join(';', records));
    }

    [Fact]
    public void A_quote_that_is_never_closed_is_told_with_its_line()
    {
        var rows = Open("a\n\"b\nc");
        Assert.True(rows.Read());
        var error = Assert.Throws<InvalidDataException>(() => rows.Read());
        Assert.Contains("line 2", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Reading_goes_on_behind_a_bad_record()
    {
        var rows = Open("\"a\"b,c\nd,e\n");
        Assert.Throws<InvalidDataException>(() => rows.Read());
        Assert.True(rows.Read());
        Assert.Equal("d", Encoding.UTF8.GetString(rows.Field(0)));
    }

    [Fact]
    public void A_long_field_grows()
    {
        var text = new string('x', 500_000);
        var rows = Open($"a,{text}\n");
        Assert.True(rows.Read());
        Assert.Equal(text, Encoding.UTF8.GetString(rows.Field(1)));
    }

    [Fact]
    public async Task A_row_becomes_a_json_object()
    {
        var events = await EventsAsync(
            "time,station,pm25,wd,code\n2017-01-01,\"a \"\"b\"\"\",-4.70,,007\n", "air/{station}", null);
        Assert.Equal(
            [("air/a \"b\"", """{"time":"2017-01-01","station":"a \"b\"","pm25":-4.70,"wd":null,"code":"007"}""")],
            events);
    }

    [Fact]
    public async Task Cells_become_events_and_empty_ones_are_left_out()
    {
        const string table = "time,station,pm25,pm10,wd\nt1,a,1,,N\nt2,b,,4.5,\n";
        Assert.Equal(
            [("s/a/pm25", "1"), ("s/b/pm10", "4.5")],
            await EventsAsync(table, "s/{station}/{column}", "pm25,pm10"));
        Assert.Equal(
            [("s/a/pm25", "1"), ("s/a/wd", "N"), ("s/b/pm10", "4.5")],
            await EventsAsync(table, "s/{station}/{column}", "pm25,pm10,wd"));
        Assert.Equal(
            [("s/a/pm25", "1"), ("s/b/pm10", "4.5")],
            await EventsAsync(table, "s/{station}/{column}", "all"));
        Assert.Equal([("p/a", "1")], await EventsAsync(table, "p/{station}", "pm25"));
    }

    [Fact]
    public async Task Bad_rows_are_told_and_left_out()
    {
        var told = new List<string>();
        var source = OpenEvents("s,v\na,1\nb\n,2\nc,3\n", "t/{s}", "v", told.Add);
        Assert.Equal([("t/a", "1"), ("t/c", "3")], Read(source));
        Assert.Equal(2, source.Skipped);
        Assert.Contains("line 3", told[0], StringComparison.Ordinal);
        Assert.Contains("line 4: the topic needs 's'", told[1], StringComparison.Ordinal);
        await source.DisposeAsync();
    }

    [Theory]
    [InlineData("t/{stattion}", null, "Did you mean 'station'?")]
    [InlineData("t/{station", null, "never closes")]
    [InlineData("t/{station}", "pm2,wd", "Did you mean 'pm25'?")]
    [InlineData("t/{station}", "pm25,wd", "/{column}'")]
    [InlineData("t/{column}", null, "does not have")]
    public void A_topic_that_does_not_fit_the_table_is_refused(string topic, string? columns, string expected)
    {
        var error = Assert.Throws<UsageException>(
            () => OpenEvents("time,station,pm25,wd\n", topic, columns, static _ => { }));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_empty_table_is_refused() =>
        Assert.Throws<UsageException>(() => OpenEvents("", "t", null, static _ => { }));

    [Fact]
    public async Task Lines_are_events()
    {
        await using var lines = new LineEvents(new OneByteStream("a\r\n\nlast"u8.ToArray()), "t");
        Assert.Equal([("t", "a"), ("t", ""), ("t", "last")], Read(lines));
        await using var big = new LineEvents(
            new MemoryStream(Encoding.UTF8.GetBytes(new string('x', 200_000) + "\ny\n")), "t");
        Assert.Equal([200_000, 1], Read(big).Select(e => e.Payload.Length));
    }

    private static async Task<List<(string Topic, string Payload)>> EventsAsync(
        string table, string topic, string? columns)
    {
        await using var source = OpenEvents(table, topic, columns, text => Assert.Fail(text));
        return Read(source);
    }

    private static CsvEvents OpenEvents(string table, string topic, string? columns, Action<string> tell) =>
        CsvEvents.Open(new MemoryStream(Encoding.UTF8.GetBytes(table)), topic, columns, tell);

    private static CsvReader Open(string text) => new(new MemoryStream(Encoding.UTF8.GetBytes(text)));

    private static List<(string Topic, string Payload)> Read(IEventSource source)
    {
        var events = new List<(string, string)>();
        while (source.TryRead(out var topic, out var payload))
        {
            events.Add((topic, Encoding.UTF8.GetString(payload.Span)));
        }

        return events;
    }

    /// <summary>Gives a byte at a time, as the worst of pipes would.</summary>
    private sealed class OneByteStream(byte[] bytes) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;

        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(1, buffer.Length)]);

        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(1, count));
    }
}
