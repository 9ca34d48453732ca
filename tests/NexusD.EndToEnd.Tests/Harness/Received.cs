using System.Text.Json;

namespace NexusD.EndToEnd.Tests.Harness;

/// <summary>One line of <c>nexusctl sub --json</c>.</summary>
internal sealed record Received(string Topic, string Payload, string Publisher, ulong Number, bool Retained)
{
    public static Received Parse(string line)
    {
        JsonElement json = JsonDocument.Parse(line).RootElement;
        return new Received(
            json.GetProperty("topic").GetString()!,
            json.TryGetProperty("payload", out JsonElement payload) ? payload.ToString() : "",
            json.GetProperty("publisher").ToString(),
            json.GetProperty("number").GetUInt64(),
            json.GetProperty("retained").GetBoolean());
    }

    /// <summary>
    /// Reads lines of a running <c>nexusctl sub --json</c> until <paramref name="last"/> says so; that one is included.
    /// </summary>
    public static async Task<List<Received>> UntilAsync(RunningProcess subscriber, Func<Received, int, bool> last)
    {
        var all = new List<Received>();
        while (await subscriber.ReadLineAsync() is { } line)
        {
            all.Add(Parse(line));
            if (last(all[^1], all.Count))
            {
                return all;
            }
        }

        throw new InvalidOperationException(
            $"{subscriber.CommandLine} ended after {all.Count} events.\n{subscriber.Errors}");
    }
}
