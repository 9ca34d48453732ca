namespace NexusdBench.Chaos;

/// <summary>Nanoseconds since a run began.</summary>
internal sealed class RunClock
{
    private readonly long _start = Clock.Now;

    internal long Now => Clock.Now - _start;

    internal double Seconds => Clock.Seconds(Now);
}
