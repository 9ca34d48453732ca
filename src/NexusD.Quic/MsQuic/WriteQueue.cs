using NexusD.Buffers;

namespace NexusD.Quic.MsQuic;

/// <summary>
/// Parts of slabs on their way from the loop to a stream's writer, which runs elsewhere. Small parts are gathered into
/// one slab, because each write of System.Net.Quic costs tens of microseconds.
/// </summary>
internal sealed class WriteQueue(SlabPool pool)
{
    private const int SmallBytes = 16 * 1024;

    private readonly Lock _lock = new();
    private readonly Queue<Part> _parts = [];
    private TaskCompletionSource? _waiting;
    private bool _finished;
    private bool _closed;

    /// <summary>One write: takes the reference along. Without a slab it is the end alone.</summary>
    public readonly record struct Part(Slab? Slab, int Offset, int Length, bool End);

    /// <summary>
    /// Takes over a reference to the slab. False when nothing can be written any more; the slab is released then.
    /// </summary>
    public bool Add(Slab slab, int offset, int length)
    {
        lock (_lock)
        {
            if (!_finished && !_closed)
            {
                _parts.Enqueue(new Part(slab, offset, length, End: false));
                Wake();
                return true;
            }
        }

        slab.Release();
        return false;
    }

    /// <summary>No more parts will come.</summary>
    public void Finish()
    {
        lock (_lock)
        {
            _finished = true;
            Wake();
        }
    }

    /// <summary>Gives up; returns how many bytes were dropped.</summary>
    public long Close()
    {
        long dropped = 0;
        lock (_lock)
        {
            _closed = true;
            while (_parts.TryDequeue(out Part part))
            {
                dropped += part.Length;
                part.Slab?.Release();
            }

            Wake();
        }

        return dropped;
    }

    /// <summary>The next write, or null when the queue was closed.</summary>
    public async ValueTask<Part?> TakeAsync()
    {
        while (true)
        {
            Task wait;
            lock (_lock)
            {
                if (_closed)
                {
                    return null;
                }

                if (_parts.Count > 0)
                {
                    return Gather();
                }

                if (_finished)
                {
                    return new Part(null, 0, 0, End: true);
                }

                _waiting ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                wait = _waiting.Task;
            }

            await wait.ConfigureAwait(false);
        }
    }

    private void Wake()
    {
        _waiting?.TrySetResult();
        _waiting = null;
    }

    private Part Gather()
    {
        Part first = _parts.Dequeue();
        if (first.Length < SmallBytes && _parts.TryPeek(out Part next) && next.Length < SmallBytes)
        {
            Slab gathered = pool.Rent(MemoryKind.Links);
            int used = Copy(first, gathered, 0);
            while (_parts.TryPeek(out next) && next.Length <= Math.Min(SmallBytes, gathered.Capacity - used))
            {
                used += Copy(_parts.Dequeue(), gathered, used);
            }

            first = new Part(gathered, 0, used, End: false);
        }

        return first with { End = _finished && _parts.Count == 0 };
    }

    private static int Copy(Part part, Slab target, int at)
    {
        part.Slab!.Slice(part.Offset, part.Length).CopyTo(target.Slice(at, part.Length));
        part.Slab.Release();
        return part.Length;
    }
}
