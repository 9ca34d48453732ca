using System.Collections.Concurrent;
using System.Net;
using System.Net.Quic;
using System.Net.Security;
using System.Numerics;
using System.Runtime.ExceptionServices;
using NexusD.Loops;

namespace NexusD.Quic.MsQuic;

/// <summary>
/// The System.Net.Quic engine: msquic's own threads do the work, and what happens there reaches the loop in batches
/// through its mailbox. The same seam and the same wire as the other engine, for hosts where libmsquic is installed.
/// Dialed connections leave from ports of their own, since msquic does not share the listener's.
/// </summary>
// tidy: allow blocking-call - Dispose and the constructor wait, for a bounded time, for tasks that never need the loop.
internal sealed class MsQuicEndpoint : IQuicEndpoint
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(10);

    private readonly EventLoop _loop;
    private readonly ConcurrentQueue<MsQuicEvent> _events = new();
    private readonly Action _drain;
    private readonly List<MsQuicConnection> _progress = [];
    private readonly HashSet<MsQuicConnection> _connections = [];
    private readonly ConcurrentDictionary<QuicConnection, MsQuicConnection> _incoming = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly QuicListener? _listener;
    private readonly Task _accepting = Task.CompletedTask;
    private volatile MsQuicTls _tls;
    private int _drainAsked;
    private int _alive;
    private long _accepted;
    private long _dialed;
    private long _failed;
    private bool _disposed;

    public MsQuicEndpoint(EventLoop loop, QuicEndpointOptions options)
    {
        MsQuicLibrary.EnsureLoaded();
        _loop = loop;
        Options = options;
        _drain = Drain;
        _tls = new MsQuicTls(options.Credentials, options.Alpn);
        LocalEndPoint = options.Bind;
        if (options.Accept is not null)
        {
            _listener = Listen();
            LocalEndPoint = _listener.LocalEndPoint;
            _accepting = Task.Run(AcceptAsync);
        }
    }

    public string EngineName => "msquic";

    /// <summary>The listener's address; what was asked for when the endpoint only dials.</summary>
    public IPEndPoint LocalEndPoint { get; }

    public QuicEndpointOptions Options { get; }

    public IQuicConnection Connect(QuicConnectOptions options, IQuicConnectionHandler handler)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(handler);
        QuicOptionsCheck.Check(options);
        if (Volatile.Read(ref _alive) >= Options.MaxConnections)
        {
            throw new InvalidOperationException(
                $"All {Options.MaxConnections} connections are in use (MaxConnections).");
        }

        Interlocked.Increment(ref _alive);
        var connection = new MsQuicConnection(this, options.Remote, handler);
        _connections.Add(connection);
        var native = new QuicClientConnectionOptions
        {
            RemoteEndPoint = options.Remote,
            ClientAuthenticationOptions = _tls.ForClient(
                connection.Complain, options.ServerName, options.Remote.Address.ToString()),
        };
        Fill(native, connection);
        connection.Start(native);
        return connection;
    }

    public void ReplaceCredentials(QuicCredentials credentials) => _tls = new MsQuicTls(credentials, Options.Alpn);

    public QuicEndpointStatistics GetStatistics() => new(
        Volatile.Read(ref _alive), _accepted, _dialed, Interlocked.Read(ref _failed), 0, 0, 0, 0, false, false);

    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        // None of these tasks needs the loop, so the loop may wait for them. First no more connections, then none.
        _stop.Cancel();
        Wait(_accepting);
        Drain();
        foreach (MsQuicConnection connection in _connections)
        {
            connection.Abandon();
        }

        Wait(Task.WhenAll(_connections.Select(c => c.Finished)));
        Drain();
        _disposed = true;
        _stop.Dispose();
    }

    /// <summary>Hands an event to the loop. Any thread.</summary>
    internal void Enqueue(in MsQuicEvent happened)
    {
        _events.Enqueue(happened);
        if (Interlocked.Exchange(ref _drainAsked, 1) == 0)
        {
            _loop.Post(_drain);
        }
    }

    internal void Report(Exception e)
    {
        var captured = ExceptionDispatchInfo.Capture(e);
        _loop.Post(() => captured.Throw());
    }

    internal void AddProgress(MsQuicConnection connection) => _progress.Add(connection);

    internal IQuicConnectionHandler? Accept(IQuicConnection connection) => Options.Accept?.Invoke(connection);

    internal void OnHandshakeCompleted(MsQuicConnection connection)
    {
        if (connection.IsServer)
        {
            _connections.Add(connection);
            _accepted++;
        }
        else
        {
            _dialed++;
        }
    }

    internal void OnGone(MsQuicConnection connection, bool completed)
    {
        _connections.Remove(connection);
        Interlocked.Decrement(ref _alive);
        if (!completed)
        {
            Interlocked.Increment(ref _failed);
        }
    }

    private static void Wait(Task task)
    {
        if (!task.Wait(_patience))
        {
            throw new TimeoutException("msquic did not end its connections in time.");
        }
    }

    private static int PowerOfTwo(int bytes) => (int)BitOperations.RoundUpToPowerOf2((uint)bytes);

    private void Drain()
    {
        Volatile.Write(ref _drainAsked, 0);
        while (_events.TryDequeue(out MsQuicEvent happened))
        {
            try
            {
                happened.Connection.Handle(happened);
            }
            catch (Exception e)
            {
                happened.Connection.Fail(e);
            }
        }

        foreach (MsQuicConnection connection in _progress)
        {
            try
            {
                connection.TellProgress();
            }
            catch (Exception e)
            {
                connection.Fail(e);
            }
        }

        _progress.Clear();
    }

    private QuicListener Listen()
    {
        ValueTask<QuicListener> listening = QuicListener.ListenAsync(
            new QuicListenerOptions
            {
                ListenEndPoint = Options.Bind,
                ListenBacklog = 512,
                ApplicationProtocols = [new SslApplicationProtocol(Options.Alpn)],
                ConnectionOptionsCallback =
                    (native, _, _) => new ValueTask<QuicServerConnectionOptions>(Welcome(native)),
            },
            _stop.Token);
        return listening.AsTask().GetAwaiter().GetResult();
    }

    /// <summary>Called by msquic for each first packet; an exception refuses it.</summary>
    private QuicServerConnectionOptions Welcome(QuicConnection native)
    {
        if (Interlocked.Increment(ref _alive) > Options.MaxConnections)
        {
            Interlocked.Decrement(ref _alive);
            throw new InvalidOperationException("The limit of connections is reached.");
        }

        var connection = new MsQuicConnection(this);
        _incoming[native] = connection;
        var options = new QuicServerConnectionOptions
        {
            ServerAuthenticationOptions = _tls.ForServer(connection.Complain),
        };
        Fill(options, connection);
        return options;
    }

    private void Fill(QuicConnectionOptions options, MsQuicConnection connection)
    {
        int stream = PowerOfTwo(Options.StreamWindowBytes);
        options.DefaultCloseErrorCode = 0;
        options.DefaultStreamErrorCode = 0;
        options.IdleTimeout = Options.IdleTimeout;
        options.HandshakeTimeout = Options.HandshakeTimeout;
        options.KeepAliveInterval = Options.KeepAlive == TimeSpan.Zero
            ? Timeout.InfiniteTimeSpan
            : Options.KeepAlive;
        options.MaxInboundBidirectionalStreams = Options.MaxPeerStreams;
        options.MaxInboundUnidirectionalStreams = Options.MaxPeerStreams;
        options.StreamCapacityCallback = connection.OnCapacity;
        options.InitialReceiveWindowSizes = new QuicReceiveWindowSizes
        {
            Connection = PowerOfTwo(Options.ConnectionWindowBytes),
            LocallyInitiatedBidirectionalStream = stream,
            RemotelyInitiatedBidirectionalStream = stream,
            UnidirectionalStream = stream,
        };
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                QuicConnection native = await _listener!.AcceptConnectionAsync(_stop.Token).ConfigureAwait(false);
                if (_incoming.TryRemove(native, out MsQuicConnection? connection))
                {
                    connection.Start(native);
                }
            }
            catch (OperationCanceledException)
            {
                break;
            }
            catch (Exception e) when (e is not ObjectDisposedException)
            {
                // One handshake failed, or Welcome refused it; the listener itself goes on.
                Interlocked.Increment(ref _failed);
                if (e is not QuicException { QuicError: QuicError.CallbackError })
                {
                    Interlocked.Decrement(ref _alive);
                }
            }
        }

        await _listener!.DisposeAsync().ConfigureAwait(false);
    }
}
