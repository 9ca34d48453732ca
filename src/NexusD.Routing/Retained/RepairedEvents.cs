namespace NexusD.Routing.Retained;

/// <summary>
/// Retained events that came on one of two ways, lane or repair, and may still come on the other: their publisher's
/// numbers cannot tell, for earlier ones may come behind them.
/// </summary>
/// <param name="most">How many are remembered; the oldest go first.</param>
/// <remarks>For one thread.</remarks>
internal sealed class RepairedEvents(int most)
{
    private readonly HashSet<(ulong Publisher, ulong Number)> _events = [];
    private readonly Queue<(ulong Publisher, ulong Number)> _order = new();

    public bool IsEmpty => _events.Count == 0;

    public void Add(ulong publisher, ulong number)
    {
        if (_events.Add((publisher, number)))
        {
            _order.Enqueue((publisher, number));
            if (_order.Count > most)
            {
                _events.Remove(_order.Dequeue());
            }
        }
    }

    /// <summary>Whether the event came; it is forgotten then.</summary>
    public bool TryTake(ulong publisher, ulong number) => _events.Remove((publisher, number));
}
