using System.Diagnostics;
using System.Globalization;
using NexusD.Protocol;
using NexusdClient;

namespace Nexusctl.Commands;

/// <summary>
/// Publishes events one after the other, acknowledged or not, at a rate or as fast as the daemon takes them, and counts
/// what was refused.
/// </summary>
internal sealed class PacedPublisher : IAsyncDisposable
{
    // Acknowledgements that may be on their way: enough to fill a connection, few enough to keep.
    private const int MaxInFlight = 4096;
    private const int ToldRefusals = 10;

    private readonly Client _client;
    private readonly PublishTemplate _template;
    private readonly bool _acknowledged;
    private readonly long? _rate;
    private readonly Action<string> _tell;
    private readonly Queue<Task<PublishResult>> _inFlight = new();
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly SortedDictionary<(string Where, DropReason Reason), ulong> _losses = [];
    private long _refusedByDaemon;

    internal PacedPublisher(
        Client client, PublishTemplate template, bool acknowledged, long? rate, Action<string> tell)
    {
        _client = client;
        _template = template;
        _acknowledged = acknowledged;
        _rate = rate;
        _tell = tell;
        client.ServerNotice += OnNotice;
        client.PublishLoss += OnLoss;
    }

    /// <summary>Events handed to the daemon.</summary>
    internal long Events { get; private set; }

    internal long Refused { get; private set; }

    internal PublishResult LastResult { get; private set; }

    internal async ValueTask PublishAsync(string topic, ReadOnlyMemory<byte> payload, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        if (_rate is { } rate)
        {
            var wait = TimeSpan.FromSeconds((double)Events / rate) - _clock.Elapsed;
            if (wait > TimeSpan.FromMilliseconds(1))
            {
                await Task.Delay(wait, cancellation);
            }
        }

        try
        {
            if (_acknowledged)
            {
                await PublishAcknowledgedAsync(topic, payload, cancellation);
            }
            else
            {
                await PublishPlainAsync(topic, payload, cancellation);
            }

            Events++;
        }
        catch (PublishException e)
        {
            Refuse(e);
        }
    }

    /// <summary>Waits until the daemon has everything.</summary>
    /// <param name="quickly">Wait no longer than a moment.</param>
    internal async Task FinishAsync(bool quickly)
    {
        using var limit = new CancellationTokenSource(quickly ? TimeSpan.FromSeconds(2) : Timeout.InfiniteTimeSpan);
        try
        {
            while (_inFlight.TryDequeue(out var oldest))
            {
                await TakeResultAsync(oldest, limit.Token);
            }

            await _client.FlushAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            _tell("the daemon did not take everything in time.");
        }

        Refused += Interlocked.Exchange(ref _refusedByDaemon, 0);
    }

    public ValueTask DisposeAsync()
    {
        _client.ServerNotice -= OnNotice;
        _client.PublishLoss -= OnLoss;
        return ValueTask.CompletedTask;
    }

    private async ValueTask PublishPlainAsync(
        string topic, ReadOnlyMemory<byte> payload, CancellationToken cancellation)
    {
        while (!(_template.IsPlain
            ? _client.Publish(topic, payload.Span, _template.Retain)
            : _client.Publish(Request(topic, payload))))
        {
            // The daemon is away and the buffer is full: go on when it is back.
            await _client.FlushAsync(cancellation);
        }
    }

    private async ValueTask PublishAcknowledgedAsync(
        string topic, ReadOnlyMemory<byte> payload, CancellationToken cancellation)
    {
        if (_inFlight.Count == MaxInFlight)
        {
            await TakeResultAsync(_inFlight.Dequeue(), cancellation);
        }

        _inFlight.Enqueue(_client.PublishAsync(Request(topic, payload), cancellation));
    }

    private async Task TakeResultAsync(Task<PublishResult> publish, CancellationToken cancellation)
    {
        try
        {
            LastResult = await publish.WaitAsync(cancellation);
        }
        catch (PublishException e)
        {
            Events--;
            Refuse(e);
        }
    }

    private PublishRequest Request(string topic, ReadOnlyMemory<byte> payload) => new()
    {
        Topic = topic,
        Payload = payload.ToArray(),
        Retain = _template.Retain,
        ContentType = _template.ContentType,
        TimeToLive = _template.TimeToLive,
        Priority = _template.Priority,
    };

    private void Refuse(PublishException e)
    {
        if (++Refused <= ToldRefusals)
        {
            _tell(e.Message);
        }
    }

    /// <summary>Says what was dropped of these events, as far as the daemon told; ends the connection first.</summary>
    internal async Task TellLossesAsync()
    {
        await _client.DisposeAsync(); // the daemon tells everything before it lets go
        lock (_losses)
        {
            foreach (var ((where, reason), count) in _losses)
            {
                var deliveries = string.Create(
                    CultureInfo.InvariantCulture, $"{count:N0} {(count == 1 ? "delivery" : "deliveries")}");
                _tell($"warning: {deliveries} of these events dropped at {where}: {reason.ToWireName()}.");
            }
        }
    }

    private void OnLoss(object? sender, PublishLoss loss)
    {
        lock (_losses)
        {
            _losses[(loss.Where, loss.Reason)] = _losses.GetValueOrDefault((loss.Where, loss.Reason)) + loss.Count;
        }
    }

    private void OnNotice(object? sender, ServerNotice notice)
    {
        if (notice.Reference != 0 && Interlocked.Increment(ref _refusedByDaemon) <= ToldRefusals)
        {
            _tell(notice.Text);
        }
    }
}
