namespace NexusD.Routing.Retained;

/// <summary>
/// Retained events that came by repair and were delivered, in case the link that they were published over still brings
/// them: their publisher's numbers cannot tell, for earlier ones may come behind them.
/// </summary>
/// <remarks>Invariant: at most <see cref="Most"/> are remembered; the oldest go first. For one thread.</remarks>
internal sealed class RepairedEvents
{
    private const int Most = 65_536;

    private readonly HashSet<(ulong Publisher, ulong Number)> _events = [];
    private readonly Queue<(ulong Publisher, ulong Number)> _order = new();

    public bool IsEmpty => _events.Count == 0;

    public void Add(ulong publisher, ulong number)
    {
        if (_events.Add((publisher, number)))
        {
            _order.Enqueue((publisher, number));
            if (_order.Count > Most)
            {
                _events.Remove(_order.Dequeue());
            }
        }
    }

    /// <summary>Whether the event was delivered; it is forgotten then.</summary>
    public bool TryTake(ulong publisher, ulong number) => _events.Remove((publisher, number));
}
