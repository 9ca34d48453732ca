using Microsoft.Extensions.Logging.Abstractions;
using NexusD.Buffers;
using NexusD.Daemon.Options;

namespace NexusD.Daemon.Tests;

public sealed class MemoryPlanTests
{
    private const long MiB = 1 << 20;

    [Theory]
    [InlineData(64, 32)] // less 24 for the program and an eighth for the kernel
    [InlineData(1024, 872)]
    [InlineData(40, 11)]
    [InlineData(36, 9)] // a quarter at least
    [InlineData(16, 8)] // and never below the least that works
    public void OfAControlGroup_MostIsForEvents(long group, long budget)
    {
        MemoryPlan plan = MemoryPlan.From(OptionReaders.AutoSize, group * MiB, 64_000d * MiB);
        Assert.Equal((budget * MiB, group * MiB, true), (plan.Budget, plan.Available, plan.IsGroup));
        Assert.InRange(plan.MaxRetainedBytes + plan.MaxRecoveryBytes, 1, plan.Budget / 2);
    }

    [Fact]
    public void OfAMachine_AQuarter()
    {
        MemoryPlan plan = MemoryPlan.From(OptionReaders.AutoSize, double.PositiveInfinity, 8_192d * MiB);
        Assert.Equal((2_048 * MiB, 8_192 * MiB, false), (plan.Budget, plan.Available, plan.IsGroup));
        Assert.False(MemoryPlan.From(OptionReaders.AutoSize, 9_000d * MiB, 8_192d * MiB).IsGroup);
    }

    [Fact]
    public void WithoutAnyFigure_AGibibyte() => Assert.Equal(
        1_024 * MiB,
        MemoryPlan.From(OptionReaders.AutoSize, double.PositiveInfinity, double.PositiveInfinity).Budget);

    [Fact]
    public void WhatIsAskedForCounts()
    {
        MemoryPlan plan = MemoryPlan.From(100 * MiB, 64 * MiB, 8_192d * MiB);
        Assert.Equal((100 * MiB, 0), (plan.Budget, plan.BesideBudget));
        Assert.Equal(48 * MiB, plan.HeapLimit);
    }

    [Fact]
    public void WhatTheProcessHoldsBeside_IsWithheld_AndWatchedClosely()
    {
        var budget = new MemoryBudget(8 * MiB);
        var plan = new MemoryPlan(8 * MiB, 9 * MiB, IsGroup: false);
        var watch = new MemoryWatch(plan, budget, NullLogger.Instance);
        Assert.Equal(TimeSpan.FromMilliseconds(100), watch.Tick(10_000));
        Assert.Equal(4 * MiB, budget.Withheld); // half of it at most
    }

    [Fact]
    public void WithRoomEnough_NothingIsWithheld()
    {
        var budget = new MemoryBudget(8 * MiB);
        var plan = new MemoryPlan(8 * MiB, 1_000_000 * MiB, IsGroup: false);
        Assert.Equal(TimeSpan.FromSeconds(1), new MemoryWatch(plan, budget, NullLogger.Instance).Tick(10_000));
        Assert.Equal(0, budget.Withheld);
    }
}
