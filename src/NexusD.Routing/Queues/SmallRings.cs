namespace NexusD.Routing.Queues;

/// <summary>
/// Lends the short arrays in which most queues begin and end. Where ten thousand subscriptions take turns at having one
/// event waiting, making such an array each time costs more than all the rest of the event.
/// </summary>
/// <remarks>One stack for each thread, because a router and its queues stay on one.</remarks>
internal static class SmallRings
{
    /// <summary>Length of the arrays.</summary>
    public const int Length = 4;

    private const int MostKept = 8192;

    [ThreadStatic]
    private static Stack<QueuedRun[]>? _free;

    public static QueuedRun[] Rent() => _free is { Count: > 0 } free ? free.Pop() : new QueuedRun[Length];

    /// <summary>Takes back an array whose elements are all default.</summary>
    public static void Return(QueuedRun[] ring)
    {
        _free ??= new Stack<QueuedRun[]>();
        if (_free.Count < MostKept)
        {
            _free.Push(ring);
        }
    }
}
