using System.Text;
using System.Text.Json;
using NexusD.Protocol;
using NexusD.Protocol.App;
using NexusD.Protocol.Frames;
using NexusdClient;
using NexusdClient.Tests;

namespace Nexusctl.Tests;

public sealed class CommandTests
{
    [Fact]
    public async Task Pub_publishes_and_the_daemon_has_it_when_it_ends()
    {
        await using var daemon = new ScriptedDaemon();
        var (code, output, errors) = await RunningCommand.RunAsync("pub", "a/b", "hello", "--addr", daemon.Address);
        Assert.Equal((ExitCode.Done, "", ""), (code, output, errors));
        Assert.Equal(("a/b", "hello"), Single(daemon));
    }

    [Fact]
    public async Task Pub_tells_an_acknowledgement()
    {
        await using var daemon = new ScriptedDaemon();
        var (code, output, _) = await RunningCommand.RunAsync(
            "pub", "a/b", "", "--ack", "--retain", "--content-type=text/plain", "--ttl", "5s",
            $"--addr={daemon.Address}");
        Assert.Equal(ExitCode.Done, code);
        Assert.Equal("acknowledged: 0 local subscriptions, 2 peers\n", output);
        Assert.Equal(("a/b", ""), Single(daemon));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Pub_lines_of_a_file(bool acknowledged)
    {
        await using var daemon = new ScriptedDaemon();
        var path = Path.GetTempFileName();
        await File.WriteAllLinesAsync(path, Enumerable.Range(0, 10_000).Select(i => $"line {i}"));
        string[] args = ["pub", "t", "--lines", "--file", path, "--addr", daemon.Address];
        var (code, _, errors) = await RunningCommand.RunAsync(acknowledged ? [.. args, "--ack"] : args);
        File.Delete(path);
        Assert.Equal(ExitCode.Done, code);
        Assert.Contains("10,000 events published", errors, StringComparison.Ordinal);
        Assert.Equal(
            Enumerable.Range(0, 10_000).Select(i => $"line {i}"),
            daemon.Taken.Select(t => Encoding.UTF8.GetString(t.Payload)));
    }

    [Fact]
    public async Task Pub_tells_what_is_refused_and_fails()
    {
        await using var daemon = new ScriptedDaemon { MaxPayload = 10 };
        var path = Path.GetTempFileName();
        await File.WriteAllTextAsync(path, "short\nmuch too long a line\nshort\n");
        var (code, _, errors) = await RunningCommand.RunAsync(
            "pub", "t", "--lines", "--file", path, "--addr", daemon.Address);
        File.Delete(path);
        Assert.Equal(ExitCode.Failed, code);
        Assert.Contains("--max-payload", errors, StringComparison.Ordinal);
        Assert.Contains("1 refused", errors, StringComparison.Ordinal);
        Assert.Equal(2, daemon.Taken.Count);
    }

    [Fact]
    public async Task Pub_fails_when_the_daemon_refuses_a_fire_and_forget_event()
    {
        await using var daemon = new ScriptedDaemon();
        daemon.Intercept = (session, kind, _) =>
        {
            if (kind == FrameKind.Publish)
            {
                session.SendError(ErrorCode.Forbidden, "You may not publish to 't'.", closes: false, reference: 1);
            }

            return kind == FrameKind.Publish;
        };
        var (code, _, errors) = await RunningCommand.RunAsync("pub", "t", "x", "--addr", daemon.Address);
        Assert.Equal(ExitCode.Failed, code);
        Assert.Contains("You may not publish", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pub_keeps_to_a_rate()
    {
        await using var daemon = new ScriptedDaemon();
        var path = Path.GetTempFileName();
        await File.WriteAllLinesAsync(path, Enumerable.Range(0, 21).Select(i => $"{i}"));
        var clock = System.Diagnostics.Stopwatch.StartNew();
        await RunningCommand.RunAsync("pub", "t", "--lines", "--file", path, "--rate", "100", "--addr", daemon.Address);
        File.Delete(path);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0.19, 20);
        Assert.Equal(21, daemon.Taken.Count);
    }

    [ReadingsFact]
    public async Task Pub_real_readings()
    {
        await using var daemon = new ScriptedDaemon();
        var (code, _, errors) = await RunningCommand.RunAsync(
            "pub", "--csv", ReadingsFactAttribute.Path!, "--topic", "sensors/air/{station}/{column}",
            "--addr", daemon.Address, "--columns", "pm25,pm10,so2,no2,co,o3,temp,pres,dewp,rain,wspm");
        Assert.True(code == ExitCode.Done, errors);
        Assert.Equal(97_240, daemon.Taken.Count);
        Assert.Equal(8_886, daemon.Taken.Count(t => t.Topic.EndsWith("/pm25", StringComparison.Ordinal)));

        daemon.Taken.Clear();
        await RunningCommand.RunAsync(
            "pub", "--csv", ReadingsFactAttribute.Path!, "--topic", "sensors/air/{station}/{column}",
            "--addr", daemon.Address, "--columns", "all");
        Assert.Equal(97_240, daemon.Taken.Count);

        daemon.Taken.Clear();
        await RunningCommand.RunAsync(
            "pub", "--csv", ReadingsFactAttribute.Path!, "--topic", "sensors/air/{station}", "--addr", daemon.Address);
        Assert.Equal(8_928, daemon.Taken.Count);
        var first = JsonDocument.Parse(daemon.Taken.First().Payload).RootElement;
        Assert.Equal(485, first.GetProperty("pm25").GetInt32());
        Assert.Equal("ENE", first.GetProperty("wd").GetString());
    }

    [Fact]
    public async Task Sub_prints_lines_until_the_count()
    {
        await using var daemon = new ScriptedDaemon();
        using var sub = RunningCommand.Start("sub", "a/*", "--count", "3", "--addr", daemon.Address);
        await SubscribedAsync(daemon);
        await using var client = new Client(daemon.Address);
        for (var i = 1; i <= 5; i++)
        {
            await client.PublishAsync($"a/{i}", Encoding.UTF8.GetBytes($"payload {i}")).InTimeAsync();
        }

        Assert.Equal(ExitCode.Done, await sub.ExitAsync());
        Assert.Equal(["a/1 payload 1", "a/2 payload 2", "a/3 payload 3"], sub.Lines);
    }

    [Fact]
    public async Task Sub_prints_json()
    {
        await using var daemon = new ScriptedDaemon();
        using var sub = RunningCommand.Start("sub", "#", "--count", "2", "--json", "--addr", daemon.Address);
        await SubscribedAsync(daemon);
        await using var client = new Client(daemon.Address);
        await client.PublishAsync(new PublishRequest
        {
            Topic = "a", Payload = "größe \"x\"\n"u8.ToArray(), ContentType = "text/plain",
            Headers = new Dictionary<string, string> { ["k"] = "v" },
        }).InTimeAsync();
        await client.PublishAsync("b", new byte[] { 0xFF, 0x00 }).InTimeAsync();
        Assert.Equal(ExitCode.Done, await sub.ExitAsync());

        var first = JsonDocument.Parse(sub.Lines[0]).RootElement;
        Assert.Equal("a", first.GetProperty("topic").GetString());
        Assert.Equal("größe \"x\"\n", first.GetProperty("payload").GetString());
        Assert.Equal(1UL, first.GetProperty("number").GetUInt64());
        Assert.Equal(daemon.Taken.First().Publisher.ToString(), first.GetProperty("publisher").GetString());
        Assert.Equal("2023-11-14T22:13:20Z", first.GetProperty("timestamp").GetString());
        Assert.False(first.GetProperty("retained").GetBoolean());
        Assert.Equal("scripted", first.GetProperty("node").GetString());
        Assert.Equal("text/plain", first.GetProperty("content_type").GetString());
        Assert.Equal("v", first.GetProperty("headers").GetProperty("k").GetString());
        var second = JsonDocument.Parse(sub.Lines[1]).RootElement;
        Assert.Equal("/wA=", second.GetProperty("payload_base64").GetString());
        Assert.False(second.TryGetProperty("payload", out _));
    }

    [Fact]
    public async Task Sub_times_out()
    {
        await using var daemon = new ScriptedDaemon();
        var (code, _, errors) = await RunningCommand.RunAsync(
            "sub", "a", "--timeout", "50ms", "--addr", daemon.Address);
        Assert.Equal(ExitCode.TimedOut, code);
        Assert.Contains("--timeout ran out after 0 events", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sub_ends_cleanly_when_interrupted()
    {
        await using var daemon = new ScriptedDaemon();
        using var sub = RunningCommand.Start("sub", "a", "--addr", daemon.Address);
        await SubscribedAsync(daemon);
        sub.Interrupt();
        Assert.Equal(ExitCode.Done, await sub.ExitAsync());
        Assert.Contains("0 events in", sub.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pub_ends_cleanly_when_interrupted()
    {
        await using var daemon = new ScriptedDaemon();
        var path = Path.GetTempFileName();
        await File.WriteAllLinesAsync(path, Enumerable.Range(0, 1000).Select(i => $"{i}"));
        using var pub = RunningCommand.Start(
            "pub", "t", "--lines", "--file", path, "--rate", "5", "--addr", daemon.Address);
        await Wait.UntilAsync("it began", () => !daemon.Taken.IsEmpty);
        pub.Interrupt();
        Assert.Equal(ExitCode.Interrupted, await pub.ExitAsync());
        Assert.Contains("published in", pub.Errors, StringComparison.Ordinal);
        File.Delete(path);
    }

    [Fact]
    public async Task Sub_tells_a_gap_and_a_lost_connection()
    {
        await using var daemon = new ScriptedDaemon();
        using var sub = RunningCommand.Start("sub", "a", "--addr", daemon.Address);
        await SubscribedAsync(daemon);
        var gap = new GapFrame
        {
            Reason = DropReason.QueueFull, Subscription = 1, Publisher = 9, From = 3, To = 8, Count = 6, Where = "n2"u8,
        };
        var bytes = new byte[gap.FrameBytes];
        gap.Write(bytes);
        daemon.Sessions.Single().Send(bytes);
        await Wait.UntilAsync(
            "the gap is told", () => sub.Errors.Contains("lost 6 events of publisher 9 (3-8) at n2: queue_full"));
        daemon.CutAll();
        await Wait.UntilAsync("the end is told", () => sub.Errors.Contains("connected again"));
        sub.Interrupt();
        await sub.ExitAsync();
    }

    [Fact]
    public async Task Sub_refuses_a_bad_filter()
    {
        await using var daemon = new ScriptedDaemon();
        var (code, _, errors) = await RunningCommand.RunAsync("sub", "a*", "--addr", daemon.Address);
        Assert.Equal(ExitCode.Failed, code);
        Assert.Contains("whole level", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lists_are_tables_and_json()
    {
        const string peers =
            """[{"id":"00ff","name":"n2","address":"127.0.0.1:5671","state":"up","engine":"ngtcp2","rtt_us":120,"""
            + "\"interest\":3},"
            + """{"id":"","name":"","address":"10.0.0.1:5671","state":"down","engine":"","rtt_us":0,"interest":0},"""
            + """{"truncated":true}]""";
        await using var daemon = new ScriptedDaemon();
        daemon.Intercept = (session, kind, frame) => kind == FrameKind.Query && Answer(session, frame, peers);
        var (code, table, _) = await RunningCommand.RunAsync("peers", "--addr", daemon.Address);
        Assert.Equal(ExitCode.Done, code);
        Assert.Equal(
            """
            NAME  ADDRESS         STATE  ENGINE  RTT US  INTEREST  ID
            n2    127.0.0.1:5671  up     ngtcp2     120         3  00ff
            -     10.0.0.1:5671   down   -            0         0  -
            (only the first 2 are shown)

            """.ReplaceLineEndings("\n"),
            table);
        Assert.Equal(peers + "\n", (await RunningCommand.RunAsync("peers", "--json", "--addr", daemon.Address)).Output);
    }

    [Fact]
    public async Task Status_is_a_tree()
    {
        const string status =
            """{"ready":true,"node":{"name":"n1","uptime_seconds":1.5},"queues":{},"lists":["a","b"]}""";
        await using var daemon = new ScriptedDaemon();
        daemon.Intercept = (session, kind, frame) => kind == FrameKind.Query && Answer(session, frame, status);
        var (_, tree, _) = await RunningCommand.RunAsync("status", "--addr", daemon.Address);
        Assert.Equal("ready   yes\nnode\n  name            n1\n  uptime seconds  1.5\nqueues  -\nlists   a, b\n", tree);
    }

    [Fact]
    public async Task An_empty_list_says_so()
    {
        await using var daemon = new ScriptedDaemon();
        daemon.Intercept = (session, kind, frame) => kind == FrameKind.Query && Answer(session, frame, "[]");
        Assert.Equal(
            "There are no peers.\n", (await RunningCommand.RunAsync("peers", "--addr", daemon.Address)).Output);
    }

    [Fact]
    public void Progress_shows_part_events_and_rate()
    {
        var line = Output.ProgressBar.Line(50, 200, 12_345, TimeSpan.FromSeconds(5));
        Assert.Equal("[#######.......................]  25 %  12,345 events, 2,469/s", line);
        Assert.Equal("10 events, 5/s", Output.ProgressBar.Line(50, 0, 10, TimeSpan.FromSeconds(2)));
    }

    private static (string Topic, string Payload) Single(ScriptedDaemon daemon)
    {
        var taken = Assert.Single(daemon.Taken);
        return (taken.Topic, Encoding.UTF8.GetString(taken.Payload));
    }

    private static Task SubscribedAsync(ScriptedDaemon daemon) =>
        Wait.UntilAsync("subscribed", () => daemon.Sessions.Any(s => s.HasSubscriptions));

    private static bool Answer(ScriptedSession session, byte[] frame, string json)
    {
        QueryFrame.TryRead(frame, out var query);
        var result = new ResultFrame { Request = query.Request, Text = Encoding.UTF8.GetBytes(json) };
        var bytes = new byte[result.FrameBytes];
        result.Write(bytes);
        session.Send(bytes);
        return true;
    }

    [Fact]
    public async Task Pub_tells_at_the_end_what_was_dropped()
    {
        await using var daemon = new ScriptedDaemon();
        daemon.Intercept = (session, kind, _) =>
        {
            if (kind == FrameKind.Publish)
            {
                session.Send(Notice(DropReason.QueueFull, 3));
                session.Send(Notice(DropReason.QueueFull, 4));
                session.Send(Notice(DropReason.Expired, 1));
            }

            return false;
        };
        var (code, _, errors) = await RunningCommand.RunAsync(
            "pub", "t", "x", "--priority", "high", "--addr", daemon.Address);
        Assert.Equal(ExitCode.Done, code);
        Assert.Contains("warning: 7 deliveries of these events dropped at n1: queue_full.", errors);
        Assert.Contains("warning: 1 delivery of these events dropped at n1: expired.", errors);
    }

    [Theory]
    [InlineData("--overflow", "drop-oldst", "Did you mean 'drop-oldest'?")]
    [InlineData("--queue-bytes", "12X", "write a size")]
    [InlineData("--queue-bytes", "4G", "write a size")]
    [InlineData("--block-timeout", "11m", "at most 10m")]
    public async Task Sub_refuses_values_that_make_no_sense(string option, string value, string text)
    {
        await using var daemon = new ScriptedDaemon();
        var (code, _, errors) = await RunningCommand.RunAsync(
            "sub", "t", option, value, "--addr", daemon.Address);
        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains(text, errors, StringComparison.Ordinal);
    }

    private static byte[] Notice(DropReason reason, ulong count)
    {
        var frame = new GapFrame
        {
            IsNotice = true, Reason = reason, Publisher = 1, From = 1, To = 9, Count = count, Where = "n1"u8,
        };
        var bytes = new byte[frame.FrameBytes];
        frame.Write(bytes);
        return bytes;
    }
}
