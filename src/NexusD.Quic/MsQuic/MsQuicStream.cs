using System.Net.Quic;
using NexusD.Buffers;

namespace NexusD.Quic.MsQuic;

/// <summary>
/// One stream: a reader and a writer that run on the thread pool and talk to the loop by events only. The fields below
/// the line belong to the loop.
/// </summary>
internal sealed class MsQuicStream
{
    private readonly MsQuicConnection _connection;
    private readonly TaskCompletionSource<QuicStream> _ready =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    public MsQuicStream(MsQuicConnection connection, long id, bool canRead, bool canWrite)
    {
        _connection = connection;
        Id = id;
        CanWrite = canWrite;
        Credit = new ReceiveCredit(connection.Endpoint.Options.StreamWindowBytes);
        Queue = new WriteQueue(connection.Endpoint.Options.Pool);
        Task read = canRead ? Task.Run(ReadAsync) : Task.CompletedTask;
        Task write = canWrite ? Task.Run(WriteAsync) : Task.CompletedTask;
        Finished = Task.Run(async () =>
        {
            await Task.WhenAll(read, write).ConfigureAwait(false);
            if (await TryGetAsync().ConfigureAwait(false) is { } stream)
            {
                await stream.DisposeAsync().ConfigureAwait(false);
            }
        });
    }

    public long Id { get; }

    public bool CanWrite { get; }

    public ReceiveCredit Credit { get; }

    public WriteQueue Queue { get; }

    /// <summary>Ends when both directions are over. Never fails.</summary>
    public Task Finished { get; }

    // ------------------------------------------------------------------ the loop's

    public bool FinishRequested { get; set; }

    public bool WriteClosed { get; set; }

    public bool ResetByUs { get; set; }

    public bool ReadStopped { get; set; }

    /// <summary>The stream exists at last.</summary>
    public void Start(QuicStream stream) => _ready.TrySetResult(stream);

    /// <summary>The connection is over before the stream began.</summary>
    public void Abandon()
    {
        _ready.TrySetCanceled();
        Credit.Close();
        Queue.Close();
    }

    /// <summary>Abandons one direction.</summary>
    public void Abort(QuicAbortDirection direction, ulong errorCode) => Task.Run(async () =>
    {
        if (await TryGetAsync().ConfigureAwait(false) is { } stream)
        {
            try
            {
                stream.Abort(direction, (long)errorCode);
            }
            catch (ObjectDisposedException)
            {
                // It ended in the meantime.
            }
        }

        if (direction == QuicAbortDirection.Read)
        {
            Credit.Close();
        }
    });

    private async Task<QuicStream?> TryGetAsync()
    {
        try
        {
            return await _ready.Task.ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    private async Task ReadAsync()
    {
        try
        {
            QuicStream stream = await _ready.Task.ConfigureAwait(false);
            while (await ReadSlabAsync(stream).ConfigureAwait(false))
            {
            }
        }
        catch (QuicException e) when (e.QuicError == QuicError.StreamAborted)
        {
            Tell(new MsQuicEvent(
                MsQuicEventKind.ReadAborted, _connection, this, ErrorCode: (ulong)(e.ApplicationErrorCode ?? 0)));
        }
        catch (Exception e) when (e is QuicException or OperationCanceledException or ObjectDisposedException)
        {
            // We stopped reading, or the connection ended, which it tells by itself.
        }
    }

    /// <summary>Reads as much as credit allows into one slab and sends it to the loop. False at the end.</summary>
    private async Task<bool> ReadSlabAsync(QuicStream stream)
    {
        int granted = await Credit.TakeAsync(SlabPool.StandardBytes).ConfigureAwait(false);
        int allowed = await _connection.Credit.TakeAsync(granted).ConfigureAwait(false);
        Slab? slab = _connection.Endpoint.Options.Pool.Rent(MemoryKind.Links);
        int length = 0;
        try
        {
            Memory<byte> memory = new SlabMemory(slab, 0, allowed).Memory;
            length = await stream.ReadAsync(memory).ConfigureAwait(false);
            bool end = length == 0 || stream.ReadsClosed.IsCompletedSuccessfully;
            Tell(new MsQuicEvent(MsQuicEventKind.Data, _connection, this, slab, length, end));
            slab = null;
            return !end;
        }
        finally
        {
            slab?.Release();
            Credit.Return(granted - length);
            _connection.Credit.Return(allowed - length);
        }
    }

    private async Task WriteAsync()
    {
        Task watch = Task.CompletedTask;
        try
        {
            QuicStream stream = await _ready.Task.ConfigureAwait(false);
            watch = WatchWritesAsync(stream);
            while (await Queue.TakeAsync().ConfigureAwait(false) is { } part)
            {
                await WritePartAsync(stream, part).ConfigureAwait(false);
                if (part.End)
                {
                    break;
                }
            }
        }
        catch (Exception e) when (e is QuicException or OperationCanceledException or ObjectDisposedException)
        {
            GiveUp();
        }

        await watch.ConfigureAwait(false);
    }

    /// <summary>STOP_SENDING may come while there is nothing to write.</summary>
    private async Task WatchWritesAsync(QuicStream stream)
    {
        try
        {
            await stream.WritesClosed.ConfigureAwait(false);
        }
        catch (QuicException e) when (e.QuicError == QuicError.StreamAborted)
        {
            GiveUp();
            Tell(new MsQuicEvent(
                MsQuicEventKind.WriteAborted, _connection, this, ErrorCode: (ulong)(e.ApplicationErrorCode ?? 0)));
        }
        catch (Exception e) when (e is QuicException or OperationCanceledException or ObjectDisposedException)
        {
            GiveUp();
        }
    }

    private async Task WritePartAsync(QuicStream stream, WriteQueue.Part part)
    {
        try
        {
            ReadOnlyMemory<byte> memory = part.Slab is null
                ? default
                : new SlabMemory(part.Slab, part.Offset, part.Length).Memory;
            await stream.WriteAsync(memory, part.End).ConfigureAwait(false);
        }
        finally
        {
            part.Slab?.Release();
            Tell(new MsQuicEvent(MsQuicEventKind.Written, _connection, this, Length: part.Length));
        }
    }

    private void GiveUp()
    {
        for (long dropped = Queue.Close(); dropped > 0;)
        {
            int length = (int)Math.Min(dropped, int.MaxValue);
            dropped -= length;
            Tell(new MsQuicEvent(MsQuicEventKind.Written, _connection, this, Length: length));
        }
    }

    private void Tell(MsQuicEvent happened) => _connection.Endpoint.Enqueue(happened);
}
