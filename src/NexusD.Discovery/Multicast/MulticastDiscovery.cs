using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace NexusD.Discovery.Multicast;

/// <summary>
/// Finds nodes by beacons (docs/protocol/beacon.md). Owns a thread and two sockets: one on the group's port, shared
/// with the
/// other daemons of this host, and one with a port of its own that sends everything and hears the answers meant for
/// this
/// node alone. The rules are in <see cref="BeaconAgent"/>.
/// </summary>
/// <remarks>
/// A thread of its own rather than the data loop: listing interfaces and joining groups are slow calls, and a flood of
/// beacons must not take time from events. It sleeps in the kernel between beacons.
/// </remarks>
public sealed class MulticastDiscovery : IPeerDiscovery
{
    internal const string SourceName = "multicast";

    private const int RescanMs = 3_000;
    private const int FirstRoundMs = 250;
    private const int DatagramsPerTurn = 64;
    private const int LeaveWithinMs = 1_000;
    private const int StackBytes = 256 * 1024;

    private readonly BeaconIdentity _self;
    private readonly MulticastOptions _options;
    private readonly IDiscoveryLog _log;
    private readonly Random _jitter;
    private readonly TimeProvider _time;
    private readonly byte[] _buffer = new byte[1024];
    private readonly List<Socket> _readable = new(2);
    private BeaconSockets? _sockets;
    private BeaconAgent? _agent;
    private Thread? _thread;
    private volatile bool _leaving;
    private long _firstRoundAtMs = long.MaxValue;

    /// <param name="self">What this node says of itself.</param>
    /// <param name="options">Where.</param>
    /// <param name="log">Told of interfaces and of what does not work.</param>
    /// <param name="jitter">Spreads the beacons of many nodes in time.</param>
    /// <param name="time">Measures intervals.</param>
    public MulticastDiscovery(
        BeaconIdentity self, MulticastOptions options, IDiscoveryLog log, Random jitter, TimeProvider time)
    {
        (_self, _options, _log, _jitter, _time) = (self, options, log, jitter, time);
    }

    /// <inheritdoc/>
    public string Name => SourceName;

    /// <inheritdoc/>
    public bool FirstRoundIsDone => NowMs >= Volatile.Read(ref _firstRoundAtMs);

    /// <summary>Counters since the start. Any thread.</summary>
    public BeaconStatistics Statistics
    {
        get
        {
            BeaconStatistics received = _agent?.Statistics ?? default;
            return received with { Sent = _sockets?.Sent ?? 0, SendErrors = _sockets?.SendErrors ?? 0 };
        }
    }

    private long NowMs => _time.GetTimestamp() * 1000 / _time.TimestampFrequency;

    /// <inheritdoc/>
    public void Start(IPeerDiscoveryListener listener)
    {
        Debug.Assert(_thread is null, "discovery was started twice");
        _sockets = new BeaconSockets(_options, _log);
        _agent = new BeaconAgent(_self, _jitter, _sockets, listener);
        _thread = new Thread(Run, StackBytes) { Name = "discovery", IsBackground = true };
        _thread.Start();
    }

    /// <inheritdoc/>
    public void Leave()
    {
        _leaving = true;
        _sockets?.Wake();
        _ = _thread?.Join(LeaveWithinMs);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Leave();
        _sockets?.Dispose();
    }

    private void Run()
    {
        long rescanAtMs = 0;
        while (!_leaving)
        {
            long nowMs = NowMs;
            if (rescanAtMs <= nowMs)
            {
                rescanAtMs = nowMs + RescanMs;
                if (_sockets!.FollowInterfaces() || _firstRoundAtMs == long.MaxValue)
                {
                    _agent!.Begin(nowMs);
                }

                _firstRoundAtMs = Math.Min(_firstRoundAtMs, nowMs + FirstRoundMs);
            }

            _agent!.Advance(nowMs);
            WaitAndReceive(Math.Min(rescanAtMs, _agent.NextDueMs) - nowMs);
        }

        _agent!.Leave();
    }

    private void WaitAndReceive(long waitMs)
    {
        _readable.Clear();
        _sockets!.AddTo(_readable);
        Socket.Select(_readable, null, null, TimeSpan.FromMilliseconds(Math.Max(0, waitMs)));
        foreach (Socket socket in _readable)
        {
            Receive(socket);
        }
    }

    private void Receive(Socket socket)
    {
        for (int i = 0; i < DatagramsPerTurn && !_leaving; i++)
        {
            if (!_sockets!.TryReceive(socket, _buffer, out int length, out IPEndPoint? source))
            {
                return;
            }

            _agent!.Receive(_buffer.AsSpan(0, length), source, NowMs);
        }
    }
}
