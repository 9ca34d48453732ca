using System.Text.Json;
using NexusdBench.Gate;
using NexusdClient.Tests;

namespace NexusdBench.Tests.Gate;

/// <summary>Both parties of a run, in threads of this process, against a daemon that only passes on.</summary>
public sealed class GateRunTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());

    [Theory]
    [InlineData("lean", "")]
    [InlineData("lean", " --topics 300 --subs 300")]
    [InlineData("lean", " --rate 20000")]
    [InlineData("lean", " --size 70000 --count 300")]
    [InlineData("library", "")]
    [InlineData("library", " --topics 30 --subs 30")]
    public async Task All_that_was_sent_arrives(string client, string more)
    {
        // Fewer aliases than topics: they must be declared again.
        await using var daemon = new ScriptedDaemon { MaxAliases = 100 };
        var count = more.Contains("--count", StringComparison.Ordinal) ? string.Empty : " --count 5000";
        var line = $" --client {client} --url {daemon.Address} --gate {_path} --secs 20{count}{more}";
        var subscriber = Task.Run(() => Play("sub" + line));
        var publisher = Task.Run(() => Play("pub" + line));
        var reports = await Task.WhenAll(subscriber, publisher).WaitAsync(TimeSpan.FromSeconds(60));
        var sub = JsonDocument.Parse(reports[0]).RootElement;
        var pub = JsonDocument.Parse(reports[1]).RootElement;
        Assert.Equal("sub", sub.GetProperty("role").GetString());
        Assert.Equal(0, sub.GetProperty("lost").GetInt64());
        Assert.Equal(pub.GetProperty("sent").GetInt64(), sub.GetProperty("received").GetInt64());
        Assert.True(sub.GetProperty("received").GetInt64() >= 300);
        Assert.True(sub.GetProperty("lat").GetProperty("n").GetInt32() > 0);
        Assert.Equal(
            more.Contains("--rate", StringComparison.Ordinal), sub.TryGetProperty("lat_sched", out _));
        Assert.Equal(
            ["role", "sent", "secs", "rate", "cpu_s", "stalls", "rss_kb"],
            pub.EnumerateObject().Select(p => p.Name));
    }

    [Theory]
    [InlineData("lean")]
    [InlineData("library")]
    public async Task Connections_are_made_and_counted(string client)
    {
        await using var daemon = new ScriptedDaemon();
        var line = $"conns --client {client} --url {daemon.Address} --gate {_path} --count 5 --secs 0";
        var report = await Task.Run(() => Play(line)).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(5, JsonDocument.Parse(report).RootElement.GetProperty("n").GetInt32());
    }

    public void Dispose() => File.Delete(_path);

    private static string Play(string line)
    {
        using var reports = new StringWriter();
        new GateRun(GateOptions.Parse(line.Split(' '))!, reports, TextWriter.Null).Play();
        return reports.ToString();
    }
}
