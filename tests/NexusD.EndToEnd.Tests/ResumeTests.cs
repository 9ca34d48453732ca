using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using NexusD.EndToEnd.Tests.Harness;

namespace NexusD.EndToEnd.Tests;

/// <summary>
/// A subscriber whose daemon is killed goes on at another one: what it missed comes marked, once and in order, or is
/// told as lost.
/// </summary>
public sealed partial class ResumeTests
{
    private const int BeforeKill = 200;
    private const int Meanwhile = 300;
    private const int After = 100;

    [Theory]
    [InlineData(1000)]
    [InlineData(5)]
    public async Task What_a_killed_daemon_did_not_deliver_another_one_does(int kept)
    {
        await using ThreeNodes nodes = await ThreeNodes.ByPeersAsync(
            "n1 n2 n3", string.Create(CultureInfo.InvariantCulture, $"--recovery-events={kept}"));
        await using var subscriber = new RunningProcess(
            Repository.Nexusctl, ["sub", "flow/*", "--json", $"--addr={nodes.N1.Address},{nodes.N2.Address}"]);
        await nodes.N2.KnowsInterestOfAsync("n1");
        await using RunningProcess publisher = nodes.N2.Ctl("pub", "--topic", "flow/a", "--lines");
        await PublishAsync(publisher, BeforeKill);
        var received = new List<(int Number, bool Replayed)>();
        await ReadAsync(subscriber, received, () => received.Count == BeforeKill);

        await nodes.N1.KillAsync();
        await PublishAsync(publisher, Meanwhile);
        const int sofar = BeforeKill + Meanwhile;
        await ReadAsync(subscriber, received, () => received[^1].Number == sofar);
        await PublishAsync(publisher, After);
        await ReadAsync(subscriber, received, () => received[^1].Number == sofar + After);

        int[] numbers = [.. received.Select(e => e.Number)];
        Assert.Equal(numbers.Distinct().Order(), numbers);
        int lost = Lost(subscriber.Errors);
        Assert.Equal(sofar + After, numbers.Length + lost);
        Assert.Equal(kept < Meanwhile, lost > 0);
        int[] replayed = [.. received.Where(e => e.Replayed).Select(e => e.Number)];
        Assert.True(replayed.Length >= Math.Min(kept, 5), $"{replayed.Length} events were replayed");
        Assert.Equal(Enumerable.Range(replayed[0], replayed.Length), replayed);
        Assert.True(replayed[0] > BeforeKill && replayed[^1] <= sofar);
    }

    private static async Task PublishAsync(RunningProcess publisher, int count)
    {
        for (int i = 0; i < count; i++)
        {
            await publisher.Input.WriteLineAsync("x");
        }

        await publisher.Input.FlushAsync();
    }

    private static async Task ReadAsync(
        RunningProcess subscriber, List<(int Number, bool Replayed)> into, Func<bool> isEnough)
    {
        while (into.Count == 0 || !isEnough())
        {
            string line = await subscriber.ReadLineAsync()
                ?? throw new InvalidOperationException($"the subscriber ended.\n{subscriber.Errors}");
            JsonElement message = JsonDocument.Parse(line).RootElement;
            into.Add((
                message.GetProperty("number").GetInt32(),
                message.TryGetProperty("replayed", out JsonElement replayed) && replayed.GetBoolean()));
        }
    }

    [GeneratedRegex(@"lost ([\d,]+) events? of .*: missed")]
    private static partial Regex LostEvents();

    private static int Lost(string errors) => LostEvents().Matches(errors)
        .Sum(m => int.Parse(m.Groups[1].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture));
}
