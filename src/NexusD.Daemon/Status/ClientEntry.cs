using System.Globalization;
using NexusD.Protocol;
using NexusD.Sessions;

namespace NexusD.Daemon.Status;

/// <summary>An app in the answer to the query <c>clients</c>.</summary>
internal sealed record ClientEntry
{
    public required long Id { get; init; }

    public required string Name { get; init; }

    public required string Library { get; init; }

    /// <summary><c>unix</c>, or the address at the other end of a TCP connection.</summary>
    public required string Address { get; init; }

    public int? Pid { get; init; }

    public uint? Uid { get; init; }

    /// <summary>As text: a JSON number would lose digits in some readers.</summary>
    public required string Publisher { get; init; }

    public required DateTimeOffset ConnectedAt { get; init; }

    public required int Subscriptions { get; init; }

    public required long EventsIn { get; init; }

    public required long EventsOut { get; init; }

    public required long BytesIn { get; init; }

    public required long BytesOut { get; init; }

    public required long PendingBytes { get; init; }

    public required long QueuedEvents { get; init; }

    public required int QueueDepthMax { get; init; }

    /// <summary>Events dropped by reason; reasons with none are left out.</summary>
    public required IReadOnlyDictionary<string, long> Dropped { get; init; }

    public required long Duplicates { get; init; }

    public required long Refusals { get; init; }

    public static ClientEntry From(SessionSnapshot session) => new()
    {
        Id = session.Id,
        Name = session.ClientName,
        Library = session.ClientLibrary,
        Address = session.RemoteEndPoint?.ToString() ?? "unix",
        Pid = session.Credentials?.ProcessId,
        Uid = session.Credentials?.UserId,
        Publisher = session.PublisherId.ToString(CultureInfo.InvariantCulture),
        ConnectedAt = DateTimeOffset.FromUnixTimeMilliseconds(session.ConnectedUnixMs),
        Subscriptions = session.Subscriptions,
        EventsIn = session.EventsIn,
        EventsOut = session.EventsOut,
        BytesIn = session.BytesIn,
        BytesOut = session.BytesOut,
        PendingBytes = session.PendingBytes,
        QueuedEvents = session.QueuedEvents,
        QueueDepthMax = session.QueueDepthMax,
        Dropped = DropsOf(session),
        Duplicates = session.DuplicateEvents,
        Refusals = session.Refusals,
    };

    private static Dictionary<string, long> DropsOf(SessionSnapshot session)
    {
        var drops = new Dictionary<string, long>();
        foreach (DropReason reason in Enum.GetValues<DropReason>())
        {
            int index = (int)reason;
            if (index > 0 && index < session.DroppedEvents.Count && session.DroppedEvents[index] > 0)
            {
                drops.Add(reason.ToWireName(), session.DroppedEvents[index]);
            }
        }

        return drops;
    }
}
