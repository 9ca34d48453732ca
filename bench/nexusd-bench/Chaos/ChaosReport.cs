using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using NexusdBench.History;

namespace NexusdBench.Chaos;

/// <summary>The verdict for people and for programs.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    GenerationMode = JsonSourceGenerationMode.Serialization)]
[JsonSerializable(typeof(ChaosResult))]
internal sealed partial class ChaosReport : JsonSerializerContext
{
    private const int ShownViolations = 20;

    internal static string ToJson(ChaosResult result) => JsonSerializer.Serialize(result, Default.ChaosResult) + "\n";

    internal static ChaosResult Result(RunHistory history, Verdict verdict, double seconds)
    {
        var total = verdict.Total;
        return new ChaosResult
        {
            Good = verdict.IsGood,
            Seed = history.Plan.Seed,
            Seconds = Math.Round(seconds, 1),
            Faults = history.Faults.Count,
            Published = history.Publishers.Sum(p => p.LastSent),
            Wanted = total.Wanted,
            Delivered = total.Delivered,
            Told = total.Told,
            ExcusedInDoubt = total.InDoubt,
            ExcusedCrash = total.Crashed,
            ExcusedAway = total.Away,
            Unaccounted = total.Unaccounted,
            Repaired = total.Repaired,
            Violations = verdict.ViolationCount,
            FirstViolations = [.. verdict.Violations.Take(ShownViolations).Select(v => v.ToString())],
        };
    }

    internal static string ToTable(RunHistory history, Verdict verdict, double seconds)
    {
        var text = new StringBuilder();
        var total = verdict.Total;
        text.Append(CultureInfo.InvariantCulture, $"chaos: seed {history.Plan.Seed}, {seconds:0.0} s, ")
            .Append(CultureInfo.InvariantCulture, $"{history.Publishers.Sum(p => p.LastSent):N0} events of ")
            .Append(CultureInfo.InvariantCulture, $"{history.Publishers.Count} publishers, ")
            .Append(CultureInfo.InvariantCulture, $"{history.Subscriptions.Count} subscriptions, ")
            .Append(CultureInfo.InvariantCulture, $"{history.Faults.Count} faults\n");
        Row(text, "subscription", "wanted", "delivered", "told", "in doubt", "crashed", "away", "unaccounted");
        for (var s = 0; s < history.Subscriptions.Count; s++)
        {
            var sum = new PairFigures();
            foreach (var pair in verdict.Pairs.Where(p => p.Key.Subscription == s))
            {
                sum.Add(pair.Value);
            }

            Row(text, history.Subscriptions[s].Name, sum);
        }

        Row(text, "all", total);
        if (verdict.IsGood)
        {
            return text.Append("Everything is accounted for.\n").ToString();
        }

        foreach (var violation in verdict.Violations.Take(ShownViolations))
        {
            text.Append(violation).Append('\n');
        }

        return text.Append(CultureInfo.InvariantCulture, $"{verdict.ViolationCount:N0} violations.\n").ToString();
    }

    private static void Row(StringBuilder text, string name, PairFigures f) => Row(
        text, name,
        [.. new[] { f.Wanted, f.Delivered, f.Told, f.InDoubt, f.Crashed, f.Away, f.Unaccounted }
            .Select(n => n.ToString("N0", CultureInfo.InvariantCulture))]);

    private static void Row(StringBuilder text, string name, params string[] cells)
    {
        text.Append("  ").Append(name.PadRight(28));
        foreach (var cell in cells)
        {
            text.Append(cell.PadLeft(13));
        }

        text.Append('\n');
    }
}
