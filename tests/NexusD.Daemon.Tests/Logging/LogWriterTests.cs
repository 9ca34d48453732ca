using System.IO.Pipes;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using NexusD.Daemon.Logging;

namespace NexusD.Daemon.Tests.Logging;

public sealed class LogWriterTests : IDisposable
{
    private readonly AnonymousPipeServerStream _reader = new(PipeDirection.In);

    public void Dispose() => _reader.Dispose();

    [Fact]
    public void A_line_of_text_has_time_level_source_message_and_number()
    {
        ILogger log = Logger(json: false);
        DaemonLog.LinkDown(log, "edge-2", "10.0.0.2:5671", "timed out");
        Assert.Equal(
            "2026-01-02T03:04:05.678Z WARN  mesh: link down with edge-2 at 10.0.0.2:5671: timed out [1202]\n",
            ReadSome());
    }

    [Fact]
    public void A_line_of_json_has_the_parts_too()
    {
        ILogger log = Logger(json: true);
        DaemonLog.DialFailed(log, "10.0.0.2:5671", "no \"answer\"", 3);
        JsonElement line = JsonDocument.Parse(ReadSome()).RootElement;
        Assert.Equal("INFO", line.GetProperty("level").GetString());
        Assert.Equal(1203, line.GetProperty("event").GetInt32());
        Assert.Equal("DialFailed", line.GetProperty("name").GetString());
        Assert.Equal("mesh", line.GetProperty("source").GetString());
        Assert.Equal("no \"answer\"", line.GetProperty("reason").GetString());
        Assert.Equal(3, line.GetProperty("failures").GetInt64());
    }

    [Fact]
    public void Nobody_can_forge_a_line_and_long_ones_are_cut()
    {
        ILogger log = Logger(json: false);
        DaemonLog.MeshWarning(log, "evil\n2026 FATAL daemon: forged", new string('x', 10_000));
        string text = ReadSome();
        Assert.Equal(text.Length - 1, text.IndexOf('\n', StringComparison.Ordinal));
        Assert.True(text.Length <= 4096);
    }

    [Fact]
    public void Levels_below_the_least_are_not_written()
    {
        var writer = new LogWriter(Descriptor, json: false, new FixedTime());
        var log = new SourceLogger(writer, "mesh", LogLevels.Parse("ERROR"));
        DaemonLog.LinkDown(log, "a", "b", "c");
        DaemonLog.LoopFault(log, new InvalidOperationException("boom"));
        string text = ReadSome();
        Assert.DoesNotContain("[1202]", text, StringComparison.Ordinal);
        Assert.Contains("boom", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_reader_that_is_stuck_costs_lines_and_no_time()
    {
        var writer = new LogWriter(Descriptor, json: false, new FixedTime());
        var log = new SourceLogger(writer, "mesh", LogLevel.Information);
        string filler = new('x', 2_900);
        for (int i = 0; i < 100; i++)
        {
            DaemonLog.LinkDown(log, "a", "b", filler); // returns although nobody reads
        }

        Assert.InRange(writer.DroppedLines, 1, 99);
        ReadSome();
        long dropped = writer.DroppedLines;
        DaemonLog.LinkDown(log, "a", "b", "after");
        Assert.Equal(dropped, writer.DroppedLines);
        Assert.Contains($"{dropped} lines were dropped", ReadSome(), StringComparison.Ordinal);
    }

    private int Descriptor => (int)_reader.ClientSafePipeHandle.DangerousGetHandle();

    private SourceLogger Logger(bool json) =>
        new(new LogWriter(Descriptor, json, new FixedTime()), "mesh", LogLevel.Information);

    private string ReadSome()
    {
        var bytes = new byte[1 << 20];
        return Encoding.UTF8.GetString(bytes, 0, _reader.Read(bytes));
    }

    private sealed class FixedTime : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero);
    }
}
