using NexusD.Protocol;

namespace NexusD.Routing.Recovery;

/// <summary>What a subscription that is opened again has had (docs/protocol/app-v1.md "Resuming").</summary>
/// <param name="since">Timestamp after which events of publishers that are not listed are wanted.</param>
public sealed class ResumePoint(ulong since)
{
    private readonly Dictionary<(ulong Publisher, Priority Priority), ulong> _numbers = [];
    private readonly Dictionary<ulong, (ulong Number, ulong Timestamp)> _publishers = [];

    /// <summary>Pairs of publisher and class that are listed.</summary>
    public int Entries => _numbers.Count;

    /// <summary>Of each listed publisher the highest number and the lowest timestamp of its classes.</summary>
    internal IReadOnlyDictionary<ulong, (ulong Number, ulong Timestamp)> Publishers => _publishers;

    /// <summary>Lists the last event of a publisher in a class.</summary>
    public void Add(ulong publisher, Priority priority, ulong number, ulong timestamp)
    {
        ulong former = _numbers.GetValueOrDefault((publisher, priority));
        _numbers[(publisher, priority)] = Math.Max(former, number);
        _publishers[publisher] = _publishers.TryGetValue(publisher, out var known)
            ? (Math.Max(known.Number, number), Math.Min(known.Timestamp, timestamp))
            : (number, timestamp);
    }

    /// <summary>Whether the client had an event, or does not want it as it is older than the subscription.</summary>
    public bool IsHad(ulong publisher, Priority priority, ulong number, ulong timestamp) =>
        _numbers.TryGetValue((publisher, priority), out ulong last) ? number <= last : timestamp <= since;

    /// <summary>Whether the client had an event of a listed publisher, or one after it.</summary>
    public bool HasNumber(ulong publisher, Priority priority, ulong number) =>
        number <= LastNumber(publisher, priority);

    /// <summary>
    /// Whether the client had a retained event for certain: live, that is, as an event of a listed publisher from after
    /// the first opening. What is older may have been among the state that a broken connection did not bring.
    /// </summary>
    public bool HasState(ulong publisher, Priority priority, ulong number, ulong timestamp) =>
        timestamp > since && HasNumber(publisher, priority, number);

    /// <summary>The last number had of a publisher in a class; 0: none.</summary>
    internal ulong LastNumber(ulong publisher, Priority priority) =>
        _numbers.GetValueOrDefault((publisher, priority));
}
