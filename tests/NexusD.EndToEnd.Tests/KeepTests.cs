using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using NexusD.EndToEnd.Tests.Harness;

namespace NexusD.EndToEnd.Tests;

/// <summary>Kept subscriptions with the real programs: subscribers that are killed while events flow.</summary>
public sealed partial class KeepTests
{
    private const int Rounds = 4;
    private const int PerRound = 25_000;

    [Fact]
    public async Task A_killed_subscriber_is_succeeded_without_a_loss()
    {
        using var folder = new TempFolder();
        await using DaemonProcess daemon = await DaemonProcess.StartAsync(folder, "n1", "--discovery=static");
        await using RunningProcess publisher = daemon.Ctl("pub", "--topic", "flow/a", "--lines");
        string token = "";
        var fresh = new List<int>();
        var again = new List<int>();
        for (int round = 0; round < Rounds; round++)
        {
            string[] options = token.Length == 0 ? ["--keep=60s"] : ["--keep=60s", $"--token={token}"];
            await using RunningProcess subscriber = daemon.Ctl(["sub", "flow/#", "--json", .. options]);
            await Eventually.TrueAsync(
                "the token is told", () => Task.FromResult(subscriber.Errors), e => Token().IsMatch(e));
            string told = Token().Match(subscriber.Errors).Groups[1].Value;
            Assert.True(token.Length == 0 || token == told, "the subscription was not taken over");
            token = told;
            Task publishing = PublishAsync(publisher, round);
            bool isLast = round == Rounds - 1;

            // Killed in the middle: what it had printed is what it had.
            int until = isLast ? Rounds * PerRound : (round * PerRound) + (PerRound / 3);
            await ReadAsync(subscriber, fresh, again, until);
            if (!isLast)
            {
                subscriber.Signal(9);
                await ReadAsync(subscriber, fresh, again, int.MaxValue);
            }

            await publishing;
        }

        Assert.Equal(Enumerable.Range(1, Rounds * PerRound), fresh.Union(again).Order());
        Assert.Equal(fresh.Order(), fresh);
        Assert.Equal(fresh.Count, fresh.Distinct().Count());
    }

    [Fact]
    public async Task What_nobody_comes_for_is_counted()
    {
        using var folder = new TempFolder();
        await using DaemonProcess daemon = await DaemonProcess.StartAsync(
            folder, "n1", "--discovery=static", "--keep-limit=4s");
        await using (RunningProcess subscriber = daemon.Ctl("sub", "flow/#", "--keep=60s"))
        {
            await Eventually.TrueAsync(
                "the token is told", () => Task.FromResult(subscriber.Errors), e => Token().IsMatch(e));
            subscriber.Signal(9);
            await subscriber.WaitForExitAsync();
        }

        await Eventually.TrueAsync("it is kept", () => daemon.JsonAsync("clients"), clients => clients.EnumerateArray()
            .Any(c => c.GetProperty("state").GetString() == "kept"));
        await using RunningProcess publisher = daemon.Ctl("pub", "--topic", "flow/a", "--lines");
        for (int i = 0; i < 100; i++)
        {
            await publisher.Input.WriteLineAsync("x");
        }

        await publisher.Input.FlushAsync();
        await Eventually.TrueAsync(
            "it has ended and what waited is counted",
            () => daemon.JsonAsync("status"),
            status => status.GetProperty("events").GetProperty("dropped").EnumerateArray().Any(d =>
                d.GetProperty("reason").GetString() == "session_closed" && d.GetProperty("events").GetInt64() == 100));
    }

    private static async Task PublishAsync(RunningProcess publisher, int round)
    {
        for (int i = 1; i <= PerRound; i++)
        {
            await publisher.Input.WriteLineAsync(
                ((round * PerRound) + i).ToString(CultureInfo.InvariantCulture));
        }

        await publisher.Input.FlushAsync();
    }

    /// <summary>Reads what a subscriber prints until it has had a number, or has ended.</summary>
    private static async Task ReadAsync(RunningProcess subscriber, List<int> fresh, List<int> again, int until)
    {
        while (await subscriber.ReadLineAsync() is { } line)
        {
            if (!line.EndsWith('}'))
            {
                return; // it was killed while it wrote this
            }

            JsonElement message = JsonDocument.Parse(line).RootElement;
            int number = int.Parse(message.GetProperty("payload").GetString()!, CultureInfo.InvariantCulture);
            bool isReplayed = message.TryGetProperty("replayed", out JsonElement replayed) && replayed.GetBoolean();
            (isReplayed ? again : fresh).Add(number);
            if (number == until)
            {
                return;
            }
        }
    }

    [GeneratedRegex("--token ([0-9a-f]{32})")]
    private static partial Regex Token();
}
