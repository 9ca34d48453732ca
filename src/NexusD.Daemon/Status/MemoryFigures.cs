using NexusD.Buffers;
using NexusD.Sessions;

namespace NexusD.Daemon.Status;

/// <summary>The memory budget at one moment.</summary>
internal sealed record MemoryFigures
{
    /// <summary>The bound in bytes.</summary>
    public required long Budget { get; init; }

    /// <summary>What the process may have, in bytes: its control group's limit, else the machine's memory.</summary>
    public required long Available { get; init; }

    /// <summary>Bytes held, indexed by <see cref="MemoryKind"/>.</summary>
    public required IReadOnlyList<long> ByKind { get; init; }

    /// <summary>What the bound is lowered by for the time being.</summary>
    public required long Withheld { get; init; }

    /// <summary>Most bytes that one queue may hold now; null while memory is no concern.</summary>
    public long? Ceiling { get; init; }

    /// <summary>Whether new sessions and subscriptions are refused.</summary>
    public required bool IsShort { get; init; }

    /// <summary>How often queues were cut.</summary>
    public required long Cuts { get; init; }

    /// <summary>The apps that hold most; null where that was not asked.</summary>
    public IReadOnlyList<HeldByClient>? Clients { get; init; }

    /// <summary>The beginnings of topics whose events hold most; null where that was not asked.</summary>
    public IReadOnlyList<KeyValuePair<string, long>>? Topics { get; init; }

    /// <summary>Bytes held for everything.</summary>
    public long Used => ByKind.Sum();

    /// <summary>The name of a kind in status and metrics.</summary>
    public static string NameOf(MemoryKind kind) => kind switch
    {
        MemoryKind.Queues => "queues",
        MemoryKind.Sessions => "sessions",
        MemoryKind.Payloads => "payloads",
        MemoryKind.Links => "links",
        MemoryKind.Retained => "retained",
        MemoryKind.Recovery => "recovery",
        MemoryKind.Topics => "topics",
        MemoryKind.Filters => "filters",
        MemoryKind.Shared => "shared",
        _ => "spare",
    };
}
