using System.Buffers;
using NexusD.Buffers;
using NexusD.Protocol;

namespace NexusD.Routing.Queues;

/// <summary>A run that waits in a queue, with the memory that it holds.</summary>
/// <remarks>
/// Owns one reference to each slab it names, or an array of its own; the queue releases them when the run leaves.
/// </remarks>
internal struct QueuedRun
{
    /// <summary>What a waiting run costs beside its bytes, counted against the queue's bound.</summary>
    public const int OverheadBytes = 96;

    public Topic Topic;
    public Slab? PropertySlab;
    public Slab? BodySlab;

    /// <summary>Instead of the slabs: properties and body, one behind the other.</summary>
    public byte[]? Own;

    public ulong Publisher;
    public ulong Number;
    public ulong Timestamp;
    public int Count;
    public uint TimeToLiveMs;
    public int PropertyOffset;
    public int PropertyBytes;
    public int BodyOffset;
    public int BodyBytes;

    /// <summary>Bytes of the frame in which it was sent, where that is waiting to be confirmed.</summary>
    public int SentBytes;

    public RunFlags Flags;
    public Priority Priority;

    public readonly long CostBytes => OverheadBytes + PropertyBytes + BodyBytes;

    public static long CostOf(in EventRun run) => OverheadBytes + run.Properties.Length + run.Body.Length;

    public readonly bool IsExpired(ulong nowHlc) =>
        TimeToLiveMs != 0 && HybridClock.IsExpired(Timestamp, TimeToLiveMs, nowHlc);

    public readonly int FirstEventBytes() => RunBody.FirstEventBytes(Body);

    /// <summary>Takes over everything but the bytes.</summary>
    public void TakeHeader(in EventRun run)
    {
        Topic = run.Topic;
        Publisher = run.Publisher;
        Number = run.Number;
        Timestamp = run.Timestamp;
        Count = run.Count;
        Flags = run.Flags;
        Priority = run.Priority;
        TimeToLiveMs = run.TimeToLiveMs;
        PropertyBytes = run.Properties.Length;
        BodyBytes = run.Body.Length;
    }

    /// <summary>Takes over everything, the bytes into an array, which is used again if it is large enough.</summary>
    public void TakeOwned(in EventRun run)
    {
        int bytes = run.Properties.Length + run.Body.Length;
        if (Own is null || Own.Length < bytes || Own.Length / 4 > bytes)
        {
            ReturnOwn();
            Own = ArrayPool<byte>.Shared.Rent(bytes);
        }

        TakeHeader(run);
        run.Properties.CopyTo(Own);
        run.Body.CopyTo(Own.AsSpan(PropertyBytes));
        BodyOffset = PropertyBytes;
    }

    /// <summary>Takes the first of several events away; the memory stays until the run leaves.</summary>
    public void SkipFirst(int eventBytes)
    {
        BodyOffset += eventBytes;
        BodyBytes -= eventBytes;
        Number++;
        Count--;
    }

    /// <summary>Takes the last events away, but not all; returns how many bytes these had.</summary>
    public int CutLast(int events)
    {
        int kept = RunBody.OffsetOf(Body, Count - events);
        int cut = BodyBytes - kept;
        BodyBytes = kept;
        Count -= events;
        return cut;
    }

    public void Release()
    {
        PropertySlab?.Release();
        BodySlab?.Release();
        ReturnOwn();
    }

    /// <summary>Whether its bytes were given up.</summary>
    public readonly bool IsEmptied => BodyBytes == 0;

    /// <summary>Gives properties and body up.</summary>
    public void Empty()
    {
        Release();
        PropertySlab = null;
        BodySlab = null;
        PropertyBytes = 0;
        BodyBytes = 0;
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
        Properties = Own is not null ? Own.AsSpan(0, PropertyBytes)
            : PropertySlab is null ? default : PropertySlab.Slice(PropertyOffset, PropertyBytes),
        Body = Body,
        Shared = BodySlab,
        SharedOffset = BodyOffset,
    };

    private readonly ReadOnlySpan<byte> Body =>
        Own is not null ? Own.AsSpan(BodyOffset, BodyBytes) : BodySlab!.Slice(BodyOffset, BodyBytes);

    private void ReturnOwn()
    {
        if (Own is not null)
        {
            ArrayPool<byte>.Shared.Return(Own);
            Own = null;
        }
    }
}
