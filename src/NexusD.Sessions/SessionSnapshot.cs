using System.Net;
using NexusD.Protocol;
using NexusD.Transport;

namespace NexusD.Sessions;

/// <summary>A session as it was at one moment, for status and metrics.</summary>
public sealed record SessionSnapshot
{
    /// <summary>Number of the session in this daemon, from 1.</summary>
    public required long Id { get; init; }

    /// <summary>As the client calls itself; may be empty.</summary>
    public required string ClientName { get; init; }

    /// <summary>Client library and version; may be empty.</summary>
    public required string ClientLibrary { get; init; }

    /// <summary>0 before HELLO.</summary>
    public required ulong PublisherId { get; init; }

    /// <summary>The process at the other end of a Unix socket.</summary>
    public required PeerCredentials? Credentials { get; init; }

    /// <summary>The address at the other end of a TCP connection.</summary>
    public required IPEndPoint? RemoteEndPoint { get; init; }

    /// <summary>Milliseconds since 1970-01-01 UTC.</summary>
    public required long ConnectedUnixMs { get; init; }

    public required int Subscriptions { get; init; }

    /// <summary>Up to 64 of the subscriptions; fewer where many sessions are looked at.</summary>
    public required IReadOnlyList<SubscriptionSnapshot> Details { get; init; }

    /// <summary>
    /// Whether the connection is gone and this stands for one subscription of it that is kept.
    /// </summary>
    public bool IsKept { get; init; }

    /// <summary>Whether a full subscription holds it up.</summary>
    public required bool IsHeldUp { get; init; }

    public required long EventsIn { get; init; }

    /// <summary>All bytes received from the client.</summary>
    public required long BytesIn { get; init; }

    public required long EventsOut { get; init; }

    /// <summary>All bytes sent to the client.</summary>
    public required long BytesOut { get; init; }

    /// <summary>Bytes that wait for the client to read.</summary>
    public required long PendingBytes { get; init; }

    /// <summary>Events that wait in queues of the session's subscriptions.</summary>
    public required long QueuedEvents { get; init; }

    /// <summary>Events in the longest of these queues.</summary>
    public required int QueueDepthMax { get; init; }

    /// <summary>Events dropped by this session's subscriptions, indexed by <see cref="DropReason"/>.</summary>
    public required IReadOnlyList<long> DroppedEvents { get; init; }

    /// <summary>Events that the client published a second time.</summary>
    public required long DuplicateEvents { get; init; }

    /// <summary>Requests of the client that were refused.</summary>
    public required long Refusals { get; init; }
}
