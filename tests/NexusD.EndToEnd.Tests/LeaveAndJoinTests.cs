using System.Net.Sockets;
using System.Text.RegularExpressions;
using NexusD.EndToEnd.Tests.Harness;

namespace NexusD.EndToEnd.Tests;

/// <summary>
/// Nodes that leave while another one is out of reach, and nodes that start under publishers that have waited for them.
/// </summary>
public sealed partial class LeaveAndJoinTests
{
    private const int Stop = 19;
    private const int Continue = 18;

    [Fact]
    public async Task A_node_that_leaves_waits_for_one_that_is_stopped_and_comes_back()
    {
        await using StaticMesh mesh = await StaticMesh.StartAsync(2);
        await using EventFlow flow = await EventFlow.StartAsync(mesh["n1"], mesh["n2"], "flow/last");
        await flow.PublishAsync(500);
        mesh["n2"].Signal(Stop);
        await flow.PublishAsync(2_000);
        await flow.EndPublishingAsync();
        mesh["n1"].Signal(15);
        await mesh["n1"].LogsAsync("link down with n2");
        Assert.False(mesh["n1"].HasExited);
        mesh["n2"].Signal(Continue);
        Assert.Equal(0, (await mesh["n1"].WaitForExitAsync()).ExitCode);
        Assert.Equal(0, await flow.CheckAsync());
        Assert.DoesNotContain("gave up", mesh["n1"].Errors, StringComparison.Ordinal);
        await mesh["n2"].LogsAsync("peer left: n1 ");
    }

    [Fact]
    public async Task What_nobody_came_for_until_the_time_was_over_is_logged()
    {
        await using RelayedPair pair = await RelayedPair.StartAsync(1, "--drain-timeout=5s");
        await using EventFlow flow = await EventFlow.StartAsync(pair.Dialer, pair.Listener, "flow/lost");
        pair.Listener.Signal(Stop);
        await RelayedPair.IsAloneAsync(pair.Dialer);
        await flow.PublishAsync(700);
        await flow.EndPublishingAsync();
        Assert.Equal(0, await pair.Dialer.TerminateAsync());
        Assert.True(
            GaveUp().IsMatch(pair.Dialer.Errors), $"not told what was given up:\n{pair.Dialer.Errors}");
        Assert.Contains("the grace time of 5 s ended", pair.Dialer.Errors, StringComparison.Ordinal);
        pair.Listener.Signal(Continue);
    }

    [Fact]
    public async Task What_publishers_send_to_a_node_that_just_starts_reaches_subscribers_elsewhere()
    {
        const int Rounds = 5;
        const int PerRound = 300;
        await using StaticMesh mesh = await StaticMesh.StartAsync(3);
        using var second = new WireClient(mesh["n2"].Socket, "second");
        using var third = new WireClient(mesh["n3"].Socket, "third");
        second.Subscribe("flow/#");
        third.Subscribe("flow/one");
        string socket = mesh["n1"].Socket;
        for (int round = 1; round <= Rounds; round++)
        {
            Assert.Equal(0, await mesh["n1"].TerminateAsync());
            await mesh["n1"].DisposeAsync();
            Task starting = mesh.StartOneAsync("n1");
            using WireClient publisher = await ConnectAsync(socket);
            for (int i = 0; i < PerRound; i++)
            {
                publisher.Publish("flow/one", "x"u8);
            }

            publisher.Flush();
            second.Until(() => second.Delivered >= round * PerRound);
            third.Until(() => third.Delivered >= round * PerRound);
            await starting;
        }

        await mesh["n1"].LogsAsync("joined after");
        Assert.Equal((Rounds * PerRound, Rounds * PerRound), (second.Delivered, third.Delivered));
        Assert.Equal((0, 0), (second.Disordered, third.Disordered));
        Assert.Empty(second.Told);
        Assert.Empty(third.Told);
    }

    [Fact]
    public async Task A_node_without_others_is_ready_at_once_and_takes_its_first_event_soon()
    {
        using var folder = new TempFolder();
        await using DaemonProcess lonely = await DaemonProcess.StartAsync(folder, "n1", "--discovery=static");
        await lonely.CtlAsync("pub", "--ack", "t/x", "1");
        await lonely.LogsAsync("joined after");
        Assert.Matches(@"joined after [4-9]\d\d ms with 0 links", lonely.Errors);
        await using DaemonProcess hasty = await DaemonProcess.StartAsync(
            folder, "n2", "--discovery=static", "--join-timeout=0s");
        await hasty.CtlAsync("pub", "--ack", "t/x", "1");
        Assert.DoesNotContain("joined", hasty.Errors, StringComparison.Ordinal);
    }

    /// <summary>Connects as soon as there is somebody.</summary>
    private static async Task<WireClient> ConnectAsync(string socket)
    {
        WireClient? client = null;
        await Eventually.TrueAsync(
            "the new process takes connections",
            () =>
            {
                try
                {
                    client = new WireClient(socket, "publisher");
                }
                catch (SocketException)
                {
                    // not yet
                }

                return Task.FromResult(client);
            },
            connected => connected is not null);
        return client!;
    }

    // The first event of the flow, and one that looked for interest, may be among them.
    [GeneratedRegex("gave up 70[0-2] events that listener has not acknowledged")]
    private static partial Regex GaveUp();
}
