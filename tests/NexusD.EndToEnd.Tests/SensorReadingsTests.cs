using System.Globalization;
using NexusD.EndToEnd.Tests.Harness;

namespace NexusD.EndToEnd.Tests;

/// <summary>A table of readings published on one node arrives elsewhere complete, once and in order.</summary>
public sealed class SensorReadingsTests
{
    private const string Columns = "pm25,pm10,so2,no2,co,o3,temp,pres,dewp,rain,wspm";

    [Fact]
    public async Task Made_up_readings_arrive_complete_once_and_in_order()
    {
        using var folder = new TempFolder();
        string csv = folder.File("readings.csv");
        await File.WriteAllLinesAsync(csv, MadeUpReadings(hours: 300, stations: 12));
        await CarryAsync(csv);
    }

    [RealReadingsFact]
    public async Task Real_readings_arrive_complete_once_and_in_order()
    {
        (int all, int pm25) = await CarryAsync(Repository.SensorReadings!);
        Assert.Equal(97_240, all);
        Assert.Equal(8_886, pm25);
    }

    private static async Task<(int All, int Pm25)> CarryAsync(string csv)
    {
        List<(string Topic, string Value)> expected = [.. Cells(await File.ReadAllLinesAsync(csv))];
        List<(string Topic, string Value)> expectedPm25 =
            [.. expected.Where(c => c.Topic.EndsWith("/pm25", StringComparison.Ordinal))];
        await using ThreeNodes nodes = await ThreeNodes.ByPeersAsync();
        await using RunningProcess everything = nodes.N2.Ctl("sub", "sensors/#", "--json");
        await using RunningProcess pm25 = nodes.N3.Ctl("sub", "sensors/air/*/pm25", "--json");
        await nodes.N1.KnowsInterestOfAsync("n2");
        await nodes.N1.KnowsInterestOfAsync("n3");

        Task<List<Received>> gotEverything = Received.UntilAsync(everything, (r, _) => r.Payload == "end");
        Task<List<Received>> gotPm25 = Received.UntilAsync(pm25, (r, _) => r.Payload == "end");
        await nodes.N1.CtlAsync("pub", "--csv", csv, "--columns", Columns, "--topic", "sensors/air/{station}/{column}");

        // Only when everything is through is the end marked, so that a second copy would be seen before the mark or
        // miss it.
        await Eventually.TrueAsync(
            "both nodes received all readings",
            async () => (await ReceivedFromPeersAsync(nodes.N2), await ReceivedFromPeersAsync(nodes.N3)),
            seen => seen.Item1 >= expected.Count && seen.Item2 >= expectedPm25.Count);
        await nodes.N1.CtlAsync("pub", "sensors/air/end/pm25", "end", "--ack");

        AssertSame(expected, await gotEverything);
        AssertSame(expectedPm25, await gotPm25);
        return (expected.Count, expectedPm25.Count);
    }

    private static async Task<long> ReceivedFromPeersAsync(DaemonProcess node) =>
        (await node.JsonAsync("peers")).EnumerateArray().Sum(p => p.GetProperty("events_in").GetInt64());

    private static void AssertSame(List<(string Topic, string Value)> expected, List<Received> received)
    {
        Assert.Equal("end", received[^1].Payload);
        received.RemoveAt(received.Count - 1);
        Assert.Equal(expected.Count, received.Count);
        Assert.Equal(received.Count, received.Select(r => (r.Publisher, r.Number)).Distinct().Count());
        ILookup<string, string> expectedByTopic = expected.ToLookup(c => c.Topic, c => c.Value);
        ILookup<string, string> receivedByTopic = received.ToLookup(r => r.Topic, r => r.Payload);
        Assert.Equal(expectedByTopic.Count, receivedByTopic.Count);
        foreach (IGrouping<string, string> topic in expectedByTopic)
        {
            Assert.Equal(topic, receivedByTopic[topic.Key]);
        }
    }

    private static IEnumerable<(string Topic, string Value)> Cells(string[] lines)
    {
        string[] header = lines[0].Split(',');
        int station = Array.IndexOf(header, "station");
        int[] columns = [.. Columns.Split(',').Select(c => Array.IndexOf(header, c))];
        return lines.Skip(1)
            .Select(l => l.Split(','))
            .SelectMany(row => columns.Select(c => ($"sensors/air/{row[station]}/{header[c]}", row[c])))
            .Where(c => c.Item2.Length > 0);
    }

    private static IEnumerable<string> MadeUpReadings(int hours, int stations)
    {
        var random = new Random(17);
        yield return $"time,station,{Columns},wd";
        for (int hour = 0; hour < hours; hour++)
        {
            for (int station = 0; station < stations; station++)
            {
                IEnumerable<string> cells = Columns.Split(',').Select(_ =>
                    random.Next(50) == 0 ? "" : (random.Next(10_000) / 10.0).ToString(CultureInfo.InvariantCulture));
                yield return $"2026-01-{1 + hour / 24:00}T{hour % 24:00}:00:00Z,station{station},"
                    + $"{string.Join(',', cells)},NE";
            }
        }
    }

    /// <summary>Skipped, with the reason, where the real readings do not lie beside the checkout.</summary>
    private sealed class RealReadingsFactAttribute : FactAttribute
    {
        public RealReadingsFactAttribute()
        {
            if (Repository.SensorReadings is null)
            {
                Skip = "shared/data/beijing-air-2017-01.csv does not lie beside the checkout.";
            }
        }
    }
}
