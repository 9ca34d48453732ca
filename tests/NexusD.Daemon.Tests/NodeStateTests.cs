namespace NexusD.Daemon.Tests;

public sealed class NodeStateTests
{
    [Fact]
    public void A_node_is_ready_when_it_listens_and_has_looked_for_others_until_it_leaves()
    {
        bool looked = false;
        var state = new NodeState(() => looked);
        Assert.Equal("the daemon is starting", state.NotReadyBecause);
        state.Listening();
        Assert.Equal("the first look for other nodes is not done", state.NotReadyBecause);
        looked = true;
        Assert.Null(state.NotReadyBecause);
        Assert.True(state.TryLeave());
        Assert.Equal("the daemon is leaving", state.NotReadyBecause);
        Assert.False(state.TryLeave());
    }

    [Fact]
    public async Task The_look_for_others_is_not_waited_for_longer_than_2_seconds()
    {
        var state = new NodeState(() => false);
        state.Listening();
        while (state.NotReadyBecause is not null)
        {
            Assert.True(state.Uptime < TimeSpan.FromSeconds(30), "not ready within 30 s");
            await Task.Delay(20);
        }

        Assert.True(state.Uptime >= TimeSpan.FromSeconds(2));
    }
}
