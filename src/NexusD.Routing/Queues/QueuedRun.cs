using NexusD.Buffers;
using NexusD.Protocol;

namespace NexusD.Routing.Queues;

/// <summary>A run that waits in a queue, with the memory that it holds.</summary>
/// <remarks>Owns one reference to each slab it names; the queue releases them when the run leaves.</remarks>
internal struct QueuedRun
{
    /// <summary>What a waiting run costs beside its bytes, counted against the queue's bound.</summary>
    public const int OverheadBytes = 96;

    public Topic Topic;
    public Slab? PropertySlab;
    public Slab BodySlab;
    public ulong Publisher;
    public ulong Number;
    public ulong Timestamp;
    public int Count;
    public uint TimeToLiveMs;
    public int PropertyOffset;
    public int PropertyBytes;
    public int BodyOffset;
    public int BodyBytes;
    public RunFlags Flags;
    public Priority Priority;

    public readonly long CostBytes => OverheadBytes + PropertyBytes + BodyBytes;

    public static long CostOf(in EventRun run) => OverheadBytes + run.Properties.Length + run.Body.Length;

    public readonly bool IsExpired(ulong nowHlc) => TimeToLiveMs != 0
        && HybridClock.UnixMs(Timestamp) + TimeToLiveMs < HybridClock.UnixMs(nowHlc);

    public readonly int FirstEventBytes() => RunBody.FirstEventBytes(BodySlab.Slice(BodyOffset, BodyBytes));

    /// <summary>Takes the first of several events away; the memory stays until the run leaves.</summary>
    public void SkipFirst(int eventBytes)
    {
        BodyOffset += eventBytes;
        BodyBytes -= eventBytes;
        Number++;
        Count--;
    }

    public readonly void Release()
    {
        PropertySlab?.Release();
        BodySlab.Release();
    }

    public readonly EventRun AsRun() => new()
    {
        Topic = Topic,
        Publisher = Publisher,
        Number = Number,
        Timestamp = Timestamp,
        Count = Count,
        Flags = Flags,
        Priority = Priority,
        TimeToLiveMs = TimeToLiveMs,
        Properties = PropertySlab is null ? default : PropertySlab.Slice(PropertyOffset, PropertyBytes),
        Body = BodySlab.Slice(BodyOffset, BodyBytes),
        Shared = BodySlab,
        SharedOffset = BodyOffset,
    };
}
