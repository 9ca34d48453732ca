using NexusD.EndToEnd.Tests.Harness;
using NexusD.Protocol;

namespace NexusD.EndToEnd.Tests;

/// <summary>The longest payload that a daemon can be told to take, from a client over a link to a client.</summary>
public sealed class LargePayloadTests
{
    [Fact]
    public async Task The_longest_payload_goes_over_a_link_and_one_byte_more_is_refused()
    {
        using var folder = new TempFolder();
        string[] common =
        [
            "--cluster=test", "--bind=127.0.0.1", "--discovery=static", "--max-payload=64MiB",
            "--subscriber-queue-bytes=128MiB", "--link-queue-bytes=256MiB",
        ];
        await using DaemonProcess a = await DaemonProcess.StartAsync(folder, "a", common);
        await using DaemonProcess b = await DaemonProcess.StartAsync(
            folder, "b", [.. common, $"--peers=127.0.0.1:{a.MeshPort}"]);
        await using RunningProcess subscriber = b.Ctl("sub", "large/#", "--json", "--count", "2");
        await a.KnowsInterestOfAsync("b");
        string payload = string.Create(
            ProtocolLimits.LargestPayloadBytes, 0, (text, _) =>
            {
                for (int i = 0; i < text.Length; i++)
                {
                    text[i] = (char)('a' + (i % 4_099 % 26));
                }
            });
        string file = Path.Combine(folder.Path, "payload");
        await File.WriteAllTextAsync(file, payload);
        await a.CtlAsync("pub", "large/a", "--file", file, "--ack");
        await a.CtlAsync("pub", "large/b", "after", "--ack");

        // Different publishers, and a topic may have another lane: the short one may come first.
        List<Received> got = await Received.UntilAsync(subscriber, (_, count) => count == 2);
        Assert.Equal(["large/a", "large/b"], got.Select(r => r.Topic).Order());
        Assert.True(got.Any(r => r.Payload == payload), "the payload came changed");

        await File.AppendAllTextAsync(file, "x");
        await using RunningProcess refused = a.Ctl("pub", "large/a", "--file", file, "--ack");
        (int code, _) = await refused.WaitForExitAsync();
        Assert.NotEqual(0, code);
        Assert.Contains("--max-payload", refused.Errors, StringComparison.Ordinal);
    }
}
