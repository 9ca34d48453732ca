namespace NexusD.Routing.Tests.Support;

/// <summary>What a warm piece of code allocates.</summary>
internal static class Allocations
{
    private const int Passes = 3;

    /// <summary>
    /// Bytes that this thread allocates in a pass once warm: the least of several, after one that does not count.
    /// </summary>
    /// <remarks>
    /// The runtime itself may allocate on any thread at any time, a kilobyte or two. What an event allocates is there
    /// in every pass.
    /// </remarks>
    /// <param name="pass">Many rounds of the code; returns the bytes that it allocated where it looked.</param>
    public static long Least(Func<long> pass)
    {
        pass();
        return Enumerable.Range(0, Passes).Min(_ => pass());
    }

    /// <inheritdoc cref="Least(Func{long})"/>
    public static long Least(Action pass) => Least(() =>
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        pass();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    });
}
