namespace NexusdBench;

/// <summary>
/// Sees that the numbers of each publisher only rise within each subscription of a connection. Between subscriptions
/// there is no order to keep.
/// </summary>
internal sealed class OrderCheck(int subscriptions, int publishers)
{
    // The number after the highest seen.
    private readonly uint[] _next = new uint[(long)subscriptions * publishers];

    /// <summary>Events that came after one with a higher number.</summary>
    internal long Late { get; private set; }

    internal void See(int subscription, int publisher, uint number)
    {
        ref var next = ref _next[((long)subscription * publishers) + publisher];
        if (number < next)
        {
            Late++;
        }
        else
        {
            next = number + 1;
        }
    }
}
