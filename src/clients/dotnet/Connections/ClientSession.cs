using System.Runtime.CompilerServices;
using NexusdClient.Publishing;

namespace NexusdClient.Connections;

/// <summary>
/// The life of one client: connects when it is first used, greets, reads, reconnects, and restores what was open. Owns
/// the outbox, the subscriptions and the queries; the public <see cref="Client"/> is its face.
/// </summary>
/// <remarks>
/// Threads: one that connects and reads, one that flushes under load (see <see cref="Outbox"/>), a timer for time-outs.
/// Subscriptions and queries are added and restored under the outbox's gate, so that each is asked for exactly once in
/// each connection.
/// </remarks>
internal sealed partial class ClientSession : IAsyncDisposable
{
    private readonly ClientOptions _options;
    private readonly ServerAddress _address;
    private readonly object _sender;
    private readonly Lock _stateGate = new();
    private readonly ManualResetEventSlim _stop = new(false);
    private readonly List<TaskCompletionSource> _readyWaiters = [];
    private readonly Timer _timer;
    private Thread? _reader;
    private volatile bool _started;
    private volatile bool _closing;
    private ConnectionState _state;
    private ConnectionException? _lastError;
    private long _connections;
    private long _received;
    private long _lost;

    /// <param name="sender">The client that event handlers are told as sender.</param>
    /// <param name="address">Where the daemon is.</param>
    /// <param name="options">Checked.</param>
    internal ClientSession(object sender, ServerAddress address, ClientOptions options)
    {
        _sender = sender;
        _address = address;
        _options = options;
        Outbox = new Outbox(options, () => Volatile.Read(ref _lastError));
        _timer = new Timer(static s => ((ClientSession)s!).OnTick(), this, Timeout.Infinite, Timeout.Infinite);
    }

    internal event EventHandler<ConnectionStateChange>? StateChanged;

    internal event EventHandler<EventGap>? Gap;

    internal event EventHandler<PublishLoss>? PublishLoss;

    internal event EventHandler<ServerNotice>? ServerNotice;

    internal Outbox Outbox { get; }

    internal ServerAddress Address => _address;

    internal DaemonInfo? Daemon { get; private set; }

    internal ConnectionState State
    {
        get
        {
            lock (_stateGate)
            {
                return _state;
            }
        }
    }

    internal ClientStatistics GetStatistics()
    {
        var (refused, inDoubt, buffered) = Outbox.GetStatistics();
        return new ClientStatistics(
            Outbox.PublishedEvents, refused, Volatile.Read(ref _received), Volatile.Read(ref _lost), inDoubt,
            Volatile.Read(ref _connections), buffered);
    }

    /// <summary>Starts to connect, once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void EnsureStarted()
    {
        if (!_started)
        {
            Start();
        }
    }

    private void Start()
    {
        lock (_stateGate)
        {
            if (_started || _closing)
            {
                return;
            }

            _started = true;
            _reader = new Thread(RunConnections, 512 * 1024) { IsBackground = true, Name = "nexusd-client" };
            _reader.Start();
        }
    }

    internal async Task WaitReadyAsync(TimeSpan timeout, CancellationToken cancellation)
    {
        EnsureStarted();
        var waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_stateGate)
        {
            if (_state == ConnectionState.Connected)
            {
                return;
            }

            ThrowIfClosing();
            _readyWaiters.Add(waiter);
        }

        try
        {
            await waiter.Task.WaitAsync(timeout, cancellation);
        }
        catch (TimeoutException e)
        {
            var last = Volatile.Read(ref _lastError);
            throw last is null
                ? new ConnectionException(
                    $"nexusd at {_address} was not reached within {timeout.TotalSeconds:0.###} s.", e)
                : new ConnectionException(last.Message, last, last.IsPermanent, last.Code);
        }
        finally
        {
            lock (_stateGate)
            {
                _readyWaiters.Remove(waiter);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        lock (_stateGate)
        {
            if (_closing)
            {
                return;
            }

            _closing = true;
        }

        if (_started)
        {
            await FlushForCloseAsync();
            Outbox.Leave();
            _stop.Set();
            // The daemon answers BYE by closing; a daemon that does not is left.
            if (!await Task.Run(() => _reader!.Join(TimeSpan.FromSeconds(1))))
            {
                AbortSocket();
                await Task.Run(() => _reader!.Join());
            }
        }

        await _timer.DisposeAsync();
        var closed = new ClosedException("The client was disposed while the call was waiting.");
        Outbox.Close(closed);
        CloseRequests(closed);
        SetState(ConnectionState.Closed, null, null);
        Outbox.Dispose();
        _stop.Dispose();
    }

    private async Task FlushForCloseAsync()
    {
        try
        {
            await Outbox.FlushAsync().WaitAsync(_options.CloseTimeout);
        }
        catch (Exception e) when (e is TimeoutException or NexusdException)
        {
            // What could not be sent in time stays unsent; callers who wait for it are told by Close.
        }
    }

    private void ThrowIfClosing()
    {
        if (_closing)
        {
            throw new ClosedException("The client was disposed: make a new one to use nexusd again.");
        }
    }

    private void SetState(ConnectionState state, ConnectionException? reason, TimeSpan? retryAfter)
    {
        ConnectionState previous;
        TaskCompletionSource[] ready = [];
        lock (_stateGate)
        {
            previous = _state;
            _state = state;
            if (state == ConnectionState.Connected || reason is { IsPermanent: true }
                || state == ConnectionState.Closed)
            {
                ready = [.. _readyWaiters];
            }
        }

        foreach (var waiter in ready)
        {
            _ = state switch
            {
                ConnectionState.Connected => waiter.TrySetResult(),
                ConnectionState.Closed => waiter.TrySetException(new ClosedException("The client was disposed.")),
                _ => waiter.TrySetException(reason!),
            };
        }

        if (previous != state || reason is not null)
        {
            Raise(StateChanged, new ConnectionStateChange(previous, state, reason, retryAfter));
        }
    }

    private void Raise<T>(EventHandler<T>? handler, T arguments)
    {
        try
        {
            handler?.Invoke(_sender, arguments);
        }
#pragma warning disable CA1031 // Whatever the application throws must not end the connection.
        catch (Exception e)
#pragma warning restore CA1031
        {
            ReportHandlerFailure(e);
        }
    }

    private void OnTick()
    {
        var now = Environment.TickCount64;
        Outbox.FailOverdue(now);
        if (!Outbox.IsConnected)
        {
            return;
        }

        if (now - Volatile.Read(ref _lastReceived) > _silenceMs)
        {
            _abortReason = new ConnectionException(
                $"nexusd at {_address} has been silent for {_silenceMs / 1000.0:0.#} s; connecting again.");
            AbortSocket();
        }
        else if (now - _lastPing >= _keepAliveMs)
        {
            _lastPing = now;
            Outbox.Ping();
        }
    }
}
