using System.Net.Sockets;
using NexusdClient.Publishing;

namespace NexusdClient.Connections;

/// <summary>Making connections, and making them again.</summary>
internal sealed partial class ClientSession
{
    private readonly ReceiveBuffer _buffer = new();
    private DaemonSocket? _socket;
    private ConnectionException? _abortReason;
    private bool _orderlyEnd;
    private ulong _publisherId;
    private long _lastReceived;
    private long _lastPing;
    private long _keepAliveMs;
    private long _silenceMs;

    private void RunConnections()
    {
        var backoff = new ReconnectBackoff(_options.ReconnectMinimum, _options.ReconnectMaximum, Random.Shared);
        var tick = Math.Clamp(_options.KeepAlive.TotalMilliseconds / 4, 10, 250);
        _timer.Change((long)tick, (long)tick);
        SetState(ConnectionState.Connecting, null, null);
        while (!_stop.IsSet)
        {
            ConnectionException reason;
            try
            {
                var welcomed = Connect();
                reason = Serve(welcomed, backoff);
            }
            catch (ConnectionException e)
            {
                reason = e;
            }
            finally
            {
                Outbox.Detach(_orderlyEnd);
                Interlocked.Exchange(ref _socket, null)?.Dispose();
            }

            if (_stop.IsSet)
            {
                return;
            }

            Volatile.Write(ref _lastError, reason);
            var wait = backoff.Next();
            SetState(ConnectionState.Reconnecting, reason, wait);
            _stop.Wait(wait);
        }
    }

    private SessionLimits Connect()
    {
        var endPoints = _address.Resolve();
        SocketException? failure = null;
        ConnectionException? refusal = null;
        foreach (var endPoint in endPoints)
        {
            using var timeout = new CancellationTokenSource(_options.ConnectTimeout);
            try
            {
                return Greet(DaemonSocket.Connect(endPoint, timeout.Token), timeout.Token);
            }
            catch (SocketException) when (timeout.IsCancellationRequested)
            {
                failure = new SocketException((int)SocketError.TimedOut);
            }
            catch (ConnectionException e) when (timeout.IsCancellationRequested && !e.IsPermanent)
            {
                failure = new SocketException((int)SocketError.TimedOut);
            }
            catch (ConnectionException e) when (!e.IsPermanent)
            {
                refusal = e; // the next of several may be willing
            }
            catch (SocketException e)
            {
                // Of several addresses the one that was refused says more than the one that does not exist here.
                failure = failure is null || e.SocketErrorCode == SocketError.ConnectionRefused ? e : failure;
            }

            Interlocked.Exchange(ref _socket, null)?.Dispose();
        }

        throw refusal ?? Unreachable(failure);
    }

    private SessionLimits Greet(DaemonSocket socket, CancellationToken timeout)
    {
        _abortReason = null;
        _orderlyEnd = false;
        Volatile.Write(ref _socket, socket);
        using (timeout.UnsafeRegister(static s => ((DaemonSocket)s!).Abort(), socket))
        {
            var (limits, daemon) = Handshake.Run(
                socket, _buffer, _address, _options, _publisherId, Outbox.FirstNumberToSend());
            _publisherId = limits.PublisherId;
            Daemon = daemon;
            return limits;
        }
    }

    /// <summary>Serves a connection until it ends.</summary>
    /// <returns>Why it ended.</returns>
    private ConnectionException Serve(SessionLimits limits, ReconnectBackoff backoff)
    {
        var keepAlive = (long)_options.KeepAlive.TotalMilliseconds;
        _keepAliveMs = limits.IdleTimeoutMs == 0
            ? keepAlive
            : Math.Min(keepAlive, Math.Max(100, limits.IdleTimeoutMs / 3));
        _silenceMs = 3 * keepAlive;
        _lastPing = Environment.TickCount64;
        Volatile.Write(ref _lastReceived, _lastPing);
        ResetReceive();
        if (!Outbox.Attach(_socket!, limits, WriteOpenRequests))
        {
            _publisherId = 0;
            return new ConnectionException("The daemon takes smaller events than the one before; connecting again.");
        }

        Interlocked.Increment(ref _connections);
        backoff.Reset();
        Volatile.Write(ref _lastError, null);
        SetState(ConnectionState.Connected, null, null);
        var reason = ReceiveUntilEnd(_socket!);
        return _abortReason ?? reason;
    }

    private void AbortSocket() => Volatile.Read(ref _socket)?.Abort();

    private ConnectionException Unreachable(SocketException? failure)
    {
        const string start = "Start nexusd, or give the right address (argument or " + ServerAddress.Variable + ").";
        var text = failure?.SocketErrorCode switch
        {
            SocketError.ConnectionRefused => $"Nothing listens at {_address}. {start}",
            SocketError.AddressNotAvailable when _address.Resolve() is [UnixDomainSocketEndPoint] =>
                $"There is no socket at {_address}. {start}",
            SocketError.AccessDenied =>
                $"This user may not connect to {_address}: check the socket's permissions and this user's groups.",
            SocketError.TimedOut =>
                $"{_address} did not answer within {_options.ConnectTimeout.TotalSeconds:0.###} s. {start}",
            null => $"{_address} has no address to connect to. {start}",
            _ => $"Cannot connect to {_address}: {failure.Message}. {start}",
        };
        return new ConnectionException(text, failure);
    }
}
