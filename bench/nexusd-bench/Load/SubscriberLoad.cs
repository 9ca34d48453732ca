using System.Buffers.Binary;
using NexusdClient;

namespace NexusdBench;

/// <summary>One subscribing connection. Its counters are written by its reading thread alone.</summary>
internal sealed class SubscriberLoad : IAsyncDisposable
{
    /// <summary>Stands in place of a publisher's number in events that only find out whether the way is open.</summary>
    internal const uint Probe = uint.MaxValue;

    private readonly Client _client;
    private readonly string[] _filters;
    private readonly BenchOptions _options;
    private readonly Progress[] _progress;
    private readonly SequenceCheck[]? _checks;
    private readonly OrderCheck? _order;
    private readonly CancellationTokenSource _stop = new();
    private HandlerSubscription? _handler;
    private Task _reading = Task.CompletedTask;
    private volatile bool _measuring;
    private long _received;
    private int _probes;

    internal SubscriberLoad(BenchOptions options, string? address, string[] filters, int publishers)
    {
        _options = options;
        _filters = filters;
        _client = new Client(address, new ClientOptions { ClientName = "nexusd-bench sub" });
        _progress = [.. Enumerable.Range(0, publishers).Select(_ => new Progress())];
        _checks = options.Verify ? [.. _progress.Select(_ => new SequenceCheck())] : null;
        _order = options.Verify && filters.Length > 1 ? new OrderCheck(filters.Length, publishers) : null;
    }

    internal LatencyHistogram Latency { get; } = new();

    internal long TotalReceived => Volatile.Read(ref _received);

    internal bool HasProbe => Volatile.Read(ref _probes) > 0;

    internal long Duplicates => _checks?.Sum(c => c.Duplicates) ?? 0;

    // A late event of one subscription among several is no late event of its own.
    internal long Reordered => _order is not null
        ? Math.Max(0, _order.Late - Duplicates)
        : _checks?.Sum(c => c.Reordered) ?? 0;

    internal long ToldLost => _client.GetStatistics().Lost;

    internal async Task StartAsync()
    {
        await _client.WaitReadyAsync(TimeSpan.FromSeconds(10));
        switch (_options.Read)
        {
            case ReadMode.Handler:
                for (var i = 0; i < _filters.Length; i++)
                {
                    var subscription = i;
                    _handler = _client.Subscribe(
                        [_filters[i]], (in MessageView message) => See(message.Payload, subscription));
                }

                await _handler!.Ready;
                break;
            case ReadMode.Batches:
                var batches = _client.SubscribeBatches(
                    _filters, new SubscribeOptions { ReceiveBufferBytes = 4 << 20 });
                await batches.StartAsync();
                _reading = Task.Run(() => ReadBatchesAsync(batches));
                break;
            default:
                var events = _client.Subscribe(_filters, new SubscribeOptions { ReceiveBufferBytes = 4 << 20 });
                await events.StartAsync();
                _reading = Task.Run(() => ReadEventsAsync(events));
                break;
        }
    }

    internal void Measure(bool on) => _measuring = on;

    /// <summary>Events of a publisher that came.</summary>
    internal long Received(int publisher) => Volatile.Read(ref _progress[publisher].Received);

    /// <summary>Asks to be woken when so many events of a publisher have come.</summary>
    internal void CallAt(int publisher, long received, SemaphoreSlim wake)
    {
        var progress = _progress[publisher];
        progress.Wake = wake;
        Interlocked.Exchange(ref progress.CallAt, received);
        if (Volatile.Read(ref progress.Received) >= received)
        {
            progress.Call();
        }
    }

    internal long Lost(long[] published) => _checks is not null
        ? _checks.Select((c, p) => c.Lost(published[p])).Sum()
        : published.Sum() - TotalReceived;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _reading.ContinueWith(static t => t.Exception, TaskScheduler.Default);
        await _client.DisposeAsync();
        _stop.Dispose();
    }

    private async Task ReadBatchesAsync(BatchSubscription batches)
    {
        await foreach (var batch in batches.WithCancellation(_stop.Token))
        {
            foreach (var message in batch)
            {
                See(message.Payload);
            }
        }
    }

    private async Task ReadEventsAsync(Subscription events)
    {
        await foreach (var message in events.WithCancellation(_stop.Token))
        {
            See(message.Payload);
        }
    }

    private void See(ReadOnlySpan<byte> payload, int subscription = 0)
    {
        if (payload.Length < BenchOptions.StampBytes)
        {
            // Too small for a stamp: counted for the first publisher, in whose place the window looks.
            Count(0);
            return;
        }

        var publisher = BinaryPrimitives.ReadUInt32LittleEndian(payload[8..]);
        if (publisher >= (uint)_progress.Length)
        {
            _probes += publisher == Probe ? 1 : 0;
            return;
        }

        if (_checks is not null)
        {
            var number = BinaryPrimitives.ReadUInt32LittleEndian(payload[12..]);
            _checks[publisher].See(number);
            _order?.See(subscription, (int)publisher, number);
        }

        var sent = BinaryPrimitives.ReadInt64LittleEndian(payload);
        if (sent != 0 && _measuring)
        {
            Latency.Record(Clock.Now - sent);
        }

        Count((int)publisher);
    }

    private void Count(int publisher)
    {
        Volatile.Write(ref _received, _received + 1);
        var progress = _progress[publisher];
        var received = progress.Received + 1;
        Volatile.Write(ref progress.Received, received);
        if (received >= Volatile.Read(ref progress.CallAt))
        {
            progress.Call();
        }
    }

    private sealed class Progress
    {
        internal long Received;
        internal long CallAt = long.MaxValue;

        internal SemaphoreSlim? Wake { get; set; }

        /// <summary>Wakes the publisher, once for each time that it asked.</summary>
        internal void Call()
        {
            if (Interlocked.Exchange(ref CallAt, long.MaxValue) != long.MaxValue)
            {
                Wake!.Release();
            }
        }
    }
}
