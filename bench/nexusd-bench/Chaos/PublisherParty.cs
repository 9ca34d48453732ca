using NexusdBench.History;
using NexusdClient;

namespace NexusdBench.Chaos;

/// <summary>
/// A client that publishes at a rate from a thread of its own and writes down what it published and what is certain.
/// Half of the publishers wait for the acknowledgement of each event, with many under way; the others do not, and ask
/// now and then whether everything so far was taken.
/// </summary>
internal sealed class PublisherParty : IAsyncDisposable
{
    private const int UnderWay = 2000;
    private const int UnderWayBytes = 4 << 20;
    private const long TickNanoseconds = 5_000_000;
    private const long FlushNanoseconds = 250_000_000;

    private readonly EventPlan _plan;
    private readonly int _number;
    private readonly bool _acknowledged;
    private readonly byte[] _payload;
    private readonly RunClock _clock;
    private readonly Client _client;
    private readonly ConnectionLog _connections;
    private readonly SemaphoreSlim _room;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private Thread? _thread;
    private double _perTick;
    private long _handed;
    private long _confirmed;
    private long _inDoubt;
    private string? _failure;
    private bool _disposed;

    internal PublisherParty(
        RunHistory history, PublisherLog log, int number, string address, bool acknowledged, int payload,
        RunClock clock)
    {
        _plan = history.Plan;
        Log = log;
        _number = number;
        _acknowledged = acknowledged;
        _payload = new byte[payload];
        _room = new SemaphoreSlim(Math.Clamp(UnderWayBytes / payload, 1, UnderWay));
        _clock = clock;
        _client = new Client(address, ChaosClients.Options(log.Name));
        _connections = new ConnectionLog(_client, clock, log.Connections);
        _client.StateChanged += (_, change) => OnState(change);
        _client.PublishLoss += (_, loss) => Log.Notices.Add(new ToldNotice(
            loss.Publisher, (long)loss.From, (long)loss.To, (long)loss.Count, loss.Reason,
            loss.Where.Replace(' ', '_')));
    }

    internal PublisherLog Log { get; }

    /// <summary>Last number that was handed to the client.</summary>
    internal long Handed => Volatile.Read(ref _handed);

    internal bool IsConnected => _client.State == ConnectionState.Connected;

    /// <summary>Why it had to stop early; null: it did not.</summary>
    internal string? Failure => Volatile.Read(ref _failure);

    internal Task ConnectAsync() => _client.WaitReadyAsync(TimeSpan.FromSeconds(10));

    /// <summary>Publishes so many events a second from now on; at first that starts the thread.</summary>
    internal void SetRate(double rate)
    {
        Volatile.Write(ref _perTick, rate * TickNanoseconds / 1e9);
        if (_thread is null)
        {
            _thread = new Thread(Run) { Name = Log.Name };
            _thread.Start();
        }
    }

    /// <summary>Stops publishing and waits until the daemon has everything, for at most the given time.</summary>
    internal async Task FinishAsync(TimeSpan patience)
    {
        await _stop.CancelAsync();
        await Task.Run(() => _thread?.Join());
        try
        {
            await _client.FlushAsync().WaitAsync(patience);
            Confirm(Handed);
        }
        catch (Exception e) when (e is TimeoutException or NexusdException)
        {
            // What is not certain by now is in doubt.
        }

        if (_confirmed < Handed)
        {
            Log.Doubts.Add(new DoubtSpan(_confirmed + 1, Handed, Handed - _confirmed));
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        await _stop.CancelAsync();
        await Task.Run(() => _thread?.Join());
        await _client.DisposeAsync();
        _stop.Dispose();
        _room.Dispose();
    }

    private void OnState(ConnectionStateChange change)
    {
        var inDoubt = _client.GetStatistics().InDoubt;
        if (inDoubt > _inDoubt)
        {
            lock (_gate)
            {
                Log.Doubts.Add(new DoubtSpan(_confirmed + 1, Handed, inDoubt - _inDoubt));
            }

            _inDoubt = inDoubt;
        }

        _connections.Take(change, Volatile.Read(ref _confirmed), Handed);
    }

    private void Run()
    {
        var due = 0.0;
        var first = 1L;
        var (tick, flushDue, spanDue) = (Clock.Now, Clock.Now, Clock.Now);
        try
        {
            while (!_stop.IsCancellationRequested)
            {
                for (due += Volatile.Read(ref _perTick); due >= 1 && !_stop.IsCancellationRequested; due--)
                {
                    PublishNext();
                }

                var now = Clock.Now;
                if (now >= spanDue)
                {
                    first = AddSpan(first);
                    spanDue = now + 50_000_000;
                }

                if (!_acknowledged && now >= flushDue)
                {
                    _ = FlushAsync(Handed);
                    flushDue = now + FlushNanoseconds;
                }

                tick += TickNanoseconds;
                Clock.SleepUntil(tick);
                tick = Math.Max(tick, Clock.Now - (10 * TickNanoseconds));
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped while it waited for room.
        }
        catch (NexusdException e)
        {
            Volatile.Write(ref _failure, e.Message);
        }

        AddSpan(first);
    }

    private long AddSpan(long first)
    {
        if (Handed >= first)
        {
            Log.Sent.Add(new SentSpan(first, Handed, _clock.Now));
        }

        return Handed + 1;
    }

    private void PublishNext()
    {
        var number = _handed + 1;
        var topic = _plan.TopicOf(_number, number);
        ChaosPayload.Write(_payload, _number, number);
        var request = new PublishRequest
        {
            Topic = _plan.Name(topic),
            Payload = _payload,
            Retain = EventPlan.IsRetained(topic),
            Priority = (EventPriority)EventPlan.ClassOf(topic),
        };
        if (_acknowledged)
        {
            _room.Wait(_stop.Token); // tidy: allow blocking-call - a thread of its own that has nothing else to do
            Volatile.Write(ref _handed, number);
            _ = AwaitAckAsync(_client.PublishAsync(request), number);
            return;
        }

        Volatile.Write(ref _handed, number);
        while (!_client.Publish(request))
        {
            // The daemon is away and the buffer full.
            Volatile.Write(ref _handed, number - 1);
            Clock.Sleep(TickNanoseconds);
            _stop.Token.ThrowIfCancellationRequested();
            Volatile.Write(ref _handed, number);
        }
    }

    private async Task AwaitAckAsync(Task<PublishResult> acknowledgement, long number)
    {
        try
        {
            var result = await acknowledgement;
            if (result.Number != (ulong)number)
            {
                Volatile.Write(ref _failure, $"event {number} was acknowledged as {result.Number}.");
            }

            Confirm(number);
        }
        catch (ClosedException)
        {
            // The run is over; the event is in doubt.
        }
        catch (NexusdException e)
        {
            Volatile.Write(ref _failure, $"event {number} was refused: {e.Message}");
        }
        finally
        {
            ReleaseRoom();
        }
    }

    private void ReleaseRoom()
    {
        try
        {
            _room.Release();
        }
        catch (ObjectDisposedException)
        {
            // The run is over.
        }
    }

    private async Task FlushAsync(long last)
    {
        try
        {
            await _client.FlushAsync();
            Confirm(last);
        }
        catch (NexusdException)
        {
            // The run is over.
        }
    }

    private void Confirm(long number)
    {
        lock (_gate)
        {
            Volatile.Write(ref _confirmed, Math.Max(_confirmed, number));
        }
    }
}
