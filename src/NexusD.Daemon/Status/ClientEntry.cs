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

    /// <summary><c>connected</c>; <c>kept</c>: it is gone, and this stands for one subscription of it.</summary>
    public required string State { get; init; }

    /// <summary>How long a kept one has been waiting; null: it is connected.</summary>
    public long? KeptForMs { get; init; }

    /// <summary>Whether a full subscription keeps the daemon from reading what it publishes.</summary>
    public required bool HeldUp { get; init; }

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

    /// <summary>Up to 64 of its subscriptions; fewer, or null, where many apps are listed.</summary>
    public IReadOnlyList<SubscriptionEntry>? SubscriptionList { get; init; }

    public static ClientEntry From(SessionSnapshot session, bool isDetailed = true) => new()
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
        State = session.IsKept ? "kept" : "connected",
        KeptForMs = session.IsKept ? session.Details[0].Kept?.ForMs : null,
        HeldUp = session.IsHeldUp,
        EventsIn = session.EventsIn,
        EventsOut = session.EventsOut,
        BytesIn = session.BytesIn,
        BytesOut = session.BytesOut,
        PendingBytes = session.PendingBytes,
        QueuedEvents = session.QueuedEvents,
        QueueDepthMax = session.QueueDepthMax,
        Dropped = DropsOf(session.DroppedEvents),
        Duplicates = session.DuplicateEvents,
        Refusals = session.Refusals,
        SubscriptionList = isDetailed ? [.. session.Details.Select(SubscriptionEntry.From)] : null,
    };

    /// <summary>Counts indexed by reason as counts by name; reasons with none are left out.</summary>
    internal static Dictionary<string, long> DropsOf(IReadOnlyList<long> dropped)
    {
        var drops = new Dictionary<string, long>();
        for (int reason = 1; reason < dropped.Count; reason++)
        {
            if (dropped[reason] > 0)
            {
                drops.Add(((DropReason)reason).ToWireName(), dropped[reason]);
            }
        }

        return drops;
    }
}
