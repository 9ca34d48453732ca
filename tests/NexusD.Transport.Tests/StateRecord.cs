namespace NexusD.Transport.Tests;

/// <summary>Something that one thread changes and another waits for, with a time-out that fails loudly.</summary>
internal sealed class StateRecord<T>(T state)
{
    private readonly object _lock = new();

    public void Change(Action<T> change)
    {
        lock (_lock)
        {
            change(state);
            Monitor.PulseAll(_lock);
        }
    }

    public TResult Read<TResult>(Func<T, TResult> read)
    {
        lock (_lock)
        {
            return read(state);
        }
    }

    public void Await(Func<T, bool> reached)
    {
        long dueMs = Environment.TickCount64 + (long)TransportFixture.Patience.TotalMilliseconds;
        lock (_lock)
        {
            while (!reached(state))
            {
                long leftMs = dueMs - Environment.TickCount64;
                bool isChanged = leftMs > 0 && Monitor.Wait(_lock, (int)leftMs);
                Assert.True(isChanged, "the awaited state was not reached in time");
            }
        }
    }
}
