using NexusD.Protocol;
using NexusdBench.History;

namespace NexusdBench.Tests.History;

public sealed class HistoryFileTests
{
    [Fact]
    public void WhatIsWrittenIsRead()
    {
        string text = Written(Full());
        using var reader = new StringReader(text);
        Assert.Equal(text, Written(HistoryFile.Read(reader)));
        Assert.Contains("gap 0 2 0 77 41 60 20 1 b", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("run 0 1 0 0 0 Live 1 40", "run 0 1 0 0 0 Live 1 39", nameof(ViolationKind.Unaccounted))]
    [InlineData("run 0 1 0 0 0 Live 1 40", "run 0 1 0 0 0 Live 1 41", nameof(ViolationKind.OverTold))]
    [InlineData("gap 0 2 0 77 41 60 20 1 b", "gap 0 2 0 77 41 60 19 1 b", nameof(ViolationKind.Unaccounted))]
    public void AFalsifiedHistoryIsFound(string line, string falsified, string kind)
    {
        string text = Written(Full());
        Assert.Contains(line, text, StringComparison.Ordinal);
        using var reader = new StringReader(text.Replace(line, falsified, StringComparison.Ordinal));
        Verdict verdict = HistoryChecker.Check(HistoryFile.Read(reader), strict: false);
        Assert.Contains(verdict.Violations, v => v.Kind.ToString() == kind);
    }

    [Theory]
    [InlineData("")]
    [InlineData("nexusd-history 1\n")]
    [InlineData("nexusd-history 1\nsent 0 1 1 1\n")]
    [InlineData("nexusd-history 1\nplan 1 0 1 t\n")]
    [InlineData("nexusd-history 1\nplan 1 1 1 t\nsent 0 1 1 1\n")]
    [InlineData("nexusd-history 1\nplan 1 1 1 t\npublisher 1 p\nsent 0 1 x 1\n")]
    [InlineData("nexusd-history 1\nplan 1 1 1 t\nsubscription All False False s\nrun 0 1 0 0 0 Live 1 1\n")]
    [InlineData("nexusd-history 1\nplan 1 1 1 t\nmystery\n")]
    public void WhatIsNoHistoryIsRefused(string text)
    {
        using var reader = new StringReader(text);
        Assert.Throws<BenchUsageException>(() => HistoryFile.Read(reader));
    }

    private static RunHistory Full()
    {
        Handmade made = new Handmade(resumes: true).Got(1, 40).Told(41, 60, 20).Got(61, 100);
        made.Publisher.Doubts.Add(new DoubtSpan(99, 100, 1));
        made.Publisher.Notices.Add(new ToldNotice(Handmade.Id, 41, 60, 20, DropReason.QueueFull, "a"));
        made.Subscription.Bad.Add(new BadDelivery(ViolationKind.WrongPayload, 0, 3, "some text"));
        made.History.Faults.Add(new FaultSpan(1, 2, "a+b", "cut a-b 10 ms"));
        return made.History;
    }

    private static string Written(RunHistory history)
    {
        using var writer = new StringWriter { NewLine = "\n" };
        HistoryFile.Write(history, writer);
        return writer.ToString();
    }
}
