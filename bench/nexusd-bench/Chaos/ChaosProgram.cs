using System.Globalization;
using NexusdBench.History;
using NexusdClient;

namespace NexusdBench.Chaos;

/// <summary><c>nexusd-bench chaos</c>: a run under faults, or the check of a history.</summary>
/// <remarks>
/// The folder Chaos makes histories: clients that write down what they see, daemons and relays of a run's own, and the
/// faults. What is right is for the folder History to say.
/// </remarks>
internal static class ChaosProgram
{
    /// <returns>The exit code.</returns>
    internal static async Task<int> RunAsync(string[] args)
    {
        if (ChaosOptions.Parse(args) is not { } options)
        {
            Console.Write(ChaosOptions.Usage);
            return 0;
        }

        if (options.Check is { } path)
        {
            return Check(path, options);
        }

        await using var run = new ChaosRun(options, ProgressLine.ForConsole());
        RunHistory history;
        try
        {
            history = await run.PlayAsync();
        }
        catch (NexusdException e)
        {
            throw new NexusdException(
                string.Create(CultureInfo.InvariantCulture, $"seed {options.Seed}: {e.Message}"), e);
        }

        var verdict = HistoryChecker.Check(history, options.Strict);
        Report(history, verdict, run.Seconds, options);
        var file = options.History ?? (verdict.IsGood ? null : DefaultPath(options.Seed));
        if (file is not null)
        {
            await using var writer = new StreamWriter(file);
            HistoryFile.Write(history, writer);
            if (!verdict.IsGood)
            {
                await Console.Error.WriteLineAsync($"The history is in {file}; --check looks at it again.");
            }
        }

        return verdict.IsGood ? 0 : 1;
    }

    private static int Check(string path, ChaosOptions options)
    {
        using var reader = new StreamReader(path);
        var history = HistoryFile.Read(reader);
        var verdict = HistoryChecker.Check(history, options.Strict);
        var last = history.Publishers.Max(p => p.Sent.Count == 0 ? 0 : p.Sent[^1].Clock);
        Report(history, verdict, Clock.Seconds(last), options);
        return verdict.IsGood ? 0 : 1;
    }

    private static void Report(RunHistory history, Verdict verdict, double seconds, ChaosOptions options) =>
        Console.Write(options.Json
            ? ChaosReport.ToJson(ChaosReport.Result(history, verdict, seconds))
            : ChaosReport.ToTable(history, verdict, seconds));

    private static string DefaultPath(int seed) => Path.Combine(
        Path.GetTempPath(), string.Create(CultureInfo.InvariantCulture, $"nexusd-chaos-{seed}.history"));
}
