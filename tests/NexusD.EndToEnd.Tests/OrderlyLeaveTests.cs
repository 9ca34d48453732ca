using NexusD.EndToEnd.Tests.Harness;

namespace NexusD.EndToEnd.Tests;

/// <summary>Nodes that leave in order: nothing that was accepted is lost, and nobody else notices.</summary>
public sealed class OrderlyLeaveTests
{
    [Fact]
    public async Task A_rolling_restart_of_five_under_load_loses_and_repeats_nothing()
    {
        await using StaticMesh mesh = await StaticMesh.StartAsync(5);
        await RestartAsync(mesh, ["n3", "n4", "n5"], ("n1", "n2"));
        await RestartAsync(mesh, ["n1", "n2"], ("n4", "n5"));
    }

    [Fact]
    public async Task Subscribers_of_a_restarted_node_are_served_again()
    {
        await using StaticMesh mesh = await StaticMesh.StartAsync(2);
        await using RunningProcess subscriber = mesh["n2"].Ctl("sub", "t/#", "--json");
        await mesh["n1"].KnowsInterestOfAsync("n2");
        Assert.Equal(0, await mesh["n2"].TerminateAsync());
        await mesh.StartOneAsync("n2");
        await mesh["n1"].KnowsInterestOfAsync("n2");
        await mesh["n1"].CtlAsync("pub", "t/x", "again");
        List<Received> got = await Received.UntilAsync(subscriber, (_, _) => true);
        Assert.Equal("again", Assert.Single(got).Payload);
    }

    private static async Task RestartAsync(StaticMesh mesh, string[] names, (string One, string Other) staying)
    {
        DaemonProcess one = mesh[staying.One];
        DaemonProcess other = mesh[staying.Other];
        await using EventFlow there = await EventFlow.StartAsync(one, other, $"flow/{one.Name}");
        await using EventFlow back = await EventFlow.StartAsync(other, one, $"flow/{other.Name}");
        using var stop = new CancellationTokenSource();
        Task load = LoadAsync([there, back], stop.Token);
        foreach (string name in names)
        {
            // What a node has accepted gets to the others even if it is told to leave at that moment.
            await using EventFlow lastWords = await EventFlow.StartAsync(mesh[name], one, $"last/{name}");
            await lastWords.PublishAsync(5_000);
            await lastWords.EndPublishingAsync();
            Assert.Equal(0, await mesh[name].TerminateAsync());
            Assert.Equal(0, await lastWords.CheckAsync());
            await one.LogsAsync($"peer left: {name} ");
            Assert.DoesNotContain($"link down with {name} ", one.Errors, StringComparison.Ordinal);
            await mesh[name].DisposeAsync();
            await mesh.StartOneAsync(name);
            await mesh.LinkedAsync();
        }

        await stop.CancelAsync();
        await load;
        await Task.WhenAll(there.EndPublishingAsync(), back.EndPublishingAsync());
        int[] lost = await Task.WhenAll(there.CheckAsync(), back.CheckAsync());
        Assert.Equal([0, 0], lost);
        Assert.True(there.Published > 500, $"only {there.Published} events were published meanwhile");
    }

    private static async Task LoadAsync(EventFlow[] flows, CancellationToken stop)
    {
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (!stop.IsCancellationRequested)
        {
            await pace.WaitForNextTickAsync(CancellationToken.None);
            await Task.WhenAll(flows.Select(f => f.PublishAsync(20)));
        }
    }
}
