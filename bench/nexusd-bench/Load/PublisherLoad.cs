using System.Buffers.Binary;
using NexusdClient;

namespace NexusdBench;

/// <summary>One publishing thread with a connection of its own.</summary>
internal sealed class PublisherLoad : IAsyncDisposable
{
    // At full speed reading the clock for each event would be a good part of the work.
    private const int TimedEvery = 64;

    private readonly BenchOptions _options;
    private readonly TrafficPlan _plan;
    private readonly int _number;
    private readonly Client _client;
    private readonly string[] _topicNames;
    private readonly FlowWindow _window;
    private readonly byte[] _payloads;
    private readonly int[] _lengths;
    private readonly CancellationTokenSource _stop = new();
    private TopicPublisher[] _topics = [];
    private Thread? _thread;
    private long _sent;
    private long _wokeAt;
    private int _nextTopic;
    private uint _random;
    private Exception? _failure;

    internal PublisherLoad(
        BenchOptions options, TrafficPlan plan, int number, string[] topics, SubscriberLoad[] subscribers)
    {
        _options = options;
        _plan = plan;
        _random = (uint)number + 1;
        _number = number;
        _topicNames = topics;
        _client = new Client(plan.PublisherAddress, new ClientOptions
        {
            ClientName = "nexusd-bench pub", PublishDelay = TimeSpan.FromMicroseconds(options.DelayMicroseconds),
        });
        _window = new FlowWindow(
            options.Window == 0 ? 0 : Math.Max(1, options.Window / plan.Publishers), subscribers, number);
        _payloads = new byte[options.Payload * options.Batch];
        Random.Shared.NextBytes(_payloads);
        _lengths = [.. Enumerable.Repeat(options.Payload, options.Batch)];
    }

    internal long Sent => Volatile.Read(ref _sent);

    internal Client Client => _client;

    internal async Task ConnectAsync()
    {
        await _client.WaitReadyAsync(TimeSpan.FromSeconds(10));
        _topics = [.. _topicNames.Select(_client.OpenTopic)];
    }

    internal void Start()
    {
        _thread = new Thread(Run) { Name = $"publisher-{_number}" };
        _thread.Start();
    }

    /// <summary>Stops publishing and waits until the daemon has everything.</summary>
    internal async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Task.Run(() => _thread?.Join());
        if (_failure is not null)
        {
            throw new NexusdException($"A publisher failed: {_failure.Message}", _failure);
        }

        await _client.FlushAsync().WaitAsync(TimeSpan.FromSeconds(30));
    }

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync();
        _window.Dispose();
        _stop.Dispose();
    }

    private void Run()
    {
        try
        {
            if (_options.Rate > 0)
            {
                Clock.WakePunctually();
                PublishAtRate();
            }
            else
            {
                PublishAtFullSpeed();
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped while it waited for the window.
        }
        catch (NexusdException e)
        {
            _failure = e;
        }
    }

    private void PublishAtFullSpeed()
    {
        var batch = _options.Batch;
        while (!_stop.IsCancellationRequested)
        {
            var room = _window.Allow(_sent, _stop.Token);
            for (var turn = Math.Min(room, 1024); turn > 0; turn -= batch)
            {
                PublishNext(_sent % TimedEvery < batch ? Clock.Now : 0);
            }
        }
    }

    /// <summary>
    /// Each event has a time when it is due, whatever became of the ones before; its latency counts from then. Where
    /// the system let this thread sleep past that time, it counts from its waking: that is not the daemon's doing.
    /// </summary>
    private void PublishAtRate()
    {
        var interval = (double)_plan.Publishers * _options.Batch / _options.Rate;
        var start = Clock.Now + Clock.Nanoseconds(interval * _number / _plan.Publishers);
        for (long n = 0; !_stop.IsCancellationRequested; n++)
        {
            var due = start + Clock.Nanoseconds(n * interval);
            while (Clock.Now < due && !_stop.IsCancellationRequested)
            {
                Clock.SleepUntil(due);
                _wokeAt = Clock.Now;
            }

            _window.Allow(_sent, _stop.Token);
            PublishNext(Math.Max(due, _wokeAt));
        }
    }

    private TopicPublisher NextTopic()
    {
        if (_plan.DrawsTopics)
        {
            // A linear congruential generator: cheap, the same in every run; its low bits are poor and left out.
            _random = unchecked((_random * 1_664_525) + 1_013_904_223);
            return _topics[(_random >> 8) % (uint)_topics.Length];
        }

        var topic = _topics[_nextTopic];
        _nextTopic = _nextTopic + 1 == _topics.Length ? 0 : _nextTopic + 1;
        return topic;
    }

    private void PublishNext(long stamp)
    {
        var sent = _sent;
        if (_options.Payload >= BenchOptions.StampBytes)
        {
            for (var i = 0; i < _options.Batch; i++)
            {
                var payload = _payloads.AsSpan(i * _options.Payload, BenchOptions.StampBytes);
                BinaryPrimitives.WriteInt64LittleEndian(payload, i == 0 ? stamp : 0);
                BinaryPrimitives.WriteUInt32LittleEndian(payload[8..], (uint)_number);
                BinaryPrimitives.WriteUInt32LittleEndian(payload[12..], (uint)(sent + i));
            }
        }

        var topic = NextTopic();
        var taken = _options.Batch > 1
            ? topic.PublishMany(_payloads, _lengths) == _options.Batch
            : topic.Publish(_payloads);
        if (!taken)
        {
            throw new NexusdException("The daemon went away during the run; its figures mean nothing.");
        }

        Volatile.Write(ref _sent, sent + _options.Batch);
    }
}
