namespace NexusdBench.Tests;

public sealed class LatencyHistogramTests
{
    [Fact]
    public void Percentiles_are_within_two_percent()
    {
        var random = new Random(7);
        var values = Enumerable.Range(0, 100_000).Select(_ => (long)Math.Exp(random.NextDouble() * 20)).ToArray();
        var first = new LatencyHistogram();
        var second = new LatencyHistogram();
        for (var i = 0; i < values.Length; i++)
        {
            (i % 2 == 0 ? first : second).Record(values[i]);
        }

        first.Add(second);
        Array.Sort(values);
        foreach (var part in new[] { 0.01, 0.5, 0.9, 0.99, 0.999, 1.0 })
        {
            var exact = values[(int)Math.Ceiling(part * values.Length) - 1];
            Assert.InRange(first.Percentile(part), exact, exact * 1.02 + 1);
        }

        Assert.Equal(values[^1], first.MaxNs);
        Assert.Equal(values.Length, first.Count);
    }

    [Fact]
    public void Small_values_are_exact_and_extremes_fit()
    {
        var histogram = new LatencyHistogram();
        Assert.Equal(0, histogram.Percentile(0.5));
        histogram.Record(-5);
        Assert.Equal(0, histogram.Percentile(1));
        histogram.Record(63);
        histogram.Record(100);
        Assert.Equal(63, histogram.Percentile(0.6));
        histogram.Record(long.MaxValue);
        Assert.Equal(long.MaxValue, histogram.Percentile(1));
    }
}
