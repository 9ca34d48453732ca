using System.Net;
using NexusD.Peering.Dialing;

namespace NexusD.Peering.Tests.Dialing;

public sealed class ReconnectBackoffTests
{
    private const long Ms = 1_000_000;

    [Fact]
    public void Delays_grow_to_the_longest_with_full_jitter()
    {
        for (int seed = 0; seed < 50; seed++)
        {
            ReconnectBackoff backoff = Create(seed);
            for (int n = 0; n < 40; n++)
            {
                double ceiling = Math.Min(30_000, 100 * Math.Pow(2, n));
                Assert.InRange(backoff.NextDelayNs(0), 20 * Ms, (long)(Math.Max(20, ceiling) * Ms));
            }
        }

        List<long> late = [.. Enumerable.Range(0, 400).Select(seed => Late(Create(seed)))];
        Assert.InRange(late.Average() / Ms, 13_000, 17_000); // full jitter: half of the ceiling on average
        Assert.True(late.Max() > 28_000 * Ms);
        Assert.True(late.Min() < 2_000 * Ms);
    }

    [Fact]
    public void After_a_lost_link_delays_stay_short_for_some_minutes()
    {
        ReconnectBackoff backoff = Create(1);
        for (int i = 0; i < 20; i++)
        {
            backoff.NextDelayNs(0);
        }

        backoff.LinkLost(0);
        for (long now = 0; now < 180_000 * Ms; now += 1_000 * Ms)
        {
            Assert.InRange(backoff.NextDelayNs(now), 20 * Ms, 400 * Ms);
        }

        List<long> later = [.. Enumerable.Range(0, 30).Select(_ => backoff.NextDelayNs(181_000 * Ms))];
        Assert.True(later.Max() > 5_000 * Ms);
    }

    [Fact]
    public void A_refusal_ends_the_short_delays_and_a_reset_starts_over()
    {
        ReconnectBackoff backoff = Create(1);
        backoff.LinkLost(0);
        for (int i = 0; i < 20; i++)
        {
            backoff.NextDelayNs(0);
        }

        backoff.Refused();
        Assert.Contains(Enumerable.Range(0, 20), _ => backoff.NextDelayNs(0) > 2_000 * Ms);
        backoff.Reset();
        Assert.InRange(backoff.NextDelayNs(0), 20 * Ms, 100 * Ms);
        Assert.InRange(backoff.NextDelayNs(0), 20 * Ms, 200 * Ms);
    }

    [Fact]
    public void The_same_seed_gives_the_same_sequence()
    {
        ReconnectBackoff one = Create(42);
        ReconnectBackoff other = Create(42);
        Assert.All(Enumerable.Range(0, 20), _ => Assert.Equal(one.NextDelayNs(0), other.NextDelayNs(0)));
    }

    private static long Late(ReconnectBackoff backoff)
    {
        for (int i = 0; i < 20; i++)
        {
            backoff.NextDelayNs(0);
        }

        return backoff.NextDelayNs(0);
    }

    private static ReconnectBackoff Create(int seed) => new(new Random(seed), new MeshOptions
    {
        Bind = new IPEndPoint(IPAddress.Loopback, 0),
        NodeName = "n",
        Cluster = "c",
    });
}
