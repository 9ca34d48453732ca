using System.Net;
using NexusD.Protocol;
using NexusD.Protocol.Beacon;

namespace NexusD.Discovery.Multicast;

/// <summary>
/// The rules of the beacon (docs/protocol/beacon.md): when to send one, what to make of one that came, who is in sight.
/// Has no clock and no sockets. Inputs: datagrams and the passing of time. Outputs: datagrams, found and lost.
/// </summary>
internal sealed class BeaconAgent
{
    /// <summary>Neighbours that are remembered; beyond them a network is no place for multicast discovery.</summary>
    private const int MaxNeighbours = 4096;

    private const int MaxAnswersWaiting = 256;
    private const int FirstIntervalMs = 100;
    private const int LastQuickIntervalMs = 800;
    private const int SteadyIntervalMs = 2_000;
    private const int LeastSilenceMs = 10_000;
    private const int IntervalsOfSilence = 5;
    private const int IntervalsUntilMoved = 3;
    private const int BeaconsPerSecondOfAll = 50;
    private const int AnswerWithinMs = 50;
    private const double Spread = 0.2;

    private readonly BeaconIdentity _self;
    private readonly byte[] _cluster;
    private readonly byte[] _nodeName;
    private readonly Random _jitter;
    private readonly IBeaconSender _sender;
    private readonly IPeerDiscoveryListener _listener;
    private readonly Dictionary<NodeId, Neighbour> _neighbours = [];
    private readonly List<(long DueMs, IPEndPoint Receiver)> _answers = [];
    private readonly TokenBucket _received = new(perSecond: 200, burst: 400);
    private long _announceAtMs;
    private long _expireAtMs = long.MaxValue;
    private int _intervalMs;

    // Written by the agent's thread alone, read by any.
    private long _taken, _own, _otherCluster, _otherVersion, _malformed, _stale, _overRate, _overLimit, _found, _lost;
    private int _known;

    public BeaconAgent(BeaconIdentity self, Random jitter, IBeaconSender sender, IPeerDiscoveryListener listener)
    {
        _self = self;
        _cluster = System.Text.Encoding.UTF8.GetBytes(self.Cluster);
        _nodeName = System.Text.Encoding.UTF8.GetBytes(self.NodeName);
        _jitter = jitter;
        _sender = sender;
        _listener = listener;
    }

    /// <summary>When <see cref="Advance"/> has something to do next.</summary>
    public long NextDueMs
    {
        get
        {
            long due = Math.Min(_announceAtMs, _expireAtMs);
            foreach ((long answerDueMs, _) in _answers)
            {
                due = Math.Min(due, answerDueMs);
            }

            return due;
        }
    }

    /// <summary>Counters of what was received; the sender counts what was sent.</summary>
    public BeaconStatistics Statistics => new(
        0, 0, Read(ref _taken), Read(ref _own), Read(ref _otherCluster), Read(ref _otherVersion), Read(ref _malformed),
        Read(ref _stale), Read(ref _overRate), Read(ref _overLimit), Read(ref _found), Read(ref _lost),
        Volatile.Read(ref _known));

    /// <summary>
    /// Asks who is there, and begins to announce quickly: at the start and when an interface came up.
    /// </summary>
    public void Begin(long nowMs)
    {
        Send(BeaconKind.Probe, null);
        _intervalMs = FirstIntervalMs;
        Announce(nowMs);
    }

    /// <summary>Does what is due.</summary>
    public void Advance(long nowMs)
    {
        if (_announceAtMs <= nowMs)
        {
            Announce(nowMs);
        }

        for (int i = _answers.Count - 1; i >= 0; i--)
        {
            if (_answers[i].DueMs <= nowMs)
            {
                Send(BeaconKind.Announce, _answers[i].Receiver);
                _answers.RemoveAt(i);
            }
        }

        if (_expireAtMs <= nowMs)
        {
            Expire(nowMs);
        }
    }

    /// <summary>Takes a datagram that came from <paramref name="source"/>.</summary>
    public void Receive(ReadOnlySpan<byte> datagram, IPEndPoint source, long nowMs)
    {
        ErrorCode error = BeaconDatagram.TryRead(datagram, out BeaconDatagram beacon);
        if (error != ErrorCode.None)
        {
            Count(ref error == ErrorCode.UnsupportedVersion ? ref _otherVersion : ref _malformed);
        }
        else if (beacon.NodeId == _self.NodeId)
        {
            Count(ref _own);
        }
        else if (!beacon.Cluster.SequenceEqual(_cluster))
        {
            Count(ref _otherCluster);
        }
        else if (!_received.TryTake(nowMs))
        {
            Count(ref _overRate);
        }
        else
        {
            Count(ref _taken);
            Take(beacon, source, nowMs);
        }
    }

    /// <summary>Tells the others that this node is going.</summary>
    public void Leave() => Send(BeaconKind.Leave, null);

    private void Take(in BeaconDatagram beacon, IPEndPoint source, long nowMs)
    {
        switch (beacon.Kind)
        {
            case BeaconKind.Announce:
                OnAnnounce(beacon, source, nowMs);
                break;
            case BeaconKind.Probe:
                AnswerSoon(source, nowMs);
                break;
            case BeaconKind.Leave:
                OnLeave(beacon);
                break;
        }
    }

    private void OnAnnounce(in BeaconDatagram beacon, IPEndPoint source, long nowMs)
    {
        if (!_neighbours.TryGetValue(beacon.NodeId, out Neighbour? neighbour))
        {
            Meet(beacon, source, nowMs);
            return;
        }

        if (beacon.Generation < neighbour.Generation)
        {
            Count(ref _stale);
            return;
        }

        neighbour.HeardAtMs = nowMs;
        if (neighbour.IsAt(source.Address, beacon.Port))
        {
            neighbour.HeardThereAtMs = nowMs;
        }
        else if (nowMs - neighbour.HeardThereAtMs > IntervalsUntilMoved * GroupIntervalMs())
        {
            TellLost(neighbour);
            neighbour.Address = source.Address;
            neighbour.Port = beacon.Port;
            neighbour.HeardThereAtMs = nowMs;
            _listener.Found(neighbour.ToPeer());
        }
    }

    private void Meet(in BeaconDatagram beacon, IPEndPoint source, long nowMs)
    {
        // A node that restarted has a new id and its old address: it takes the place of the one before.
        Neighbour? before = At(source.Address, beacon.Port);
        if (before is not null && before.Generation > beacon.Generation)
        {
            Count(ref _stale);
            return;
        }

        if (before is null && _neighbours.Count >= MaxNeighbours)
        {
            Count(ref _overLimit);
            return;
        }

        if (before is not null)
        {
            _neighbours.Remove(before.Id);
            Count(ref _lost);
        }

        string name = System.Text.Encoding.UTF8.GetString(beacon.NodeName);
        var neighbour = new Neighbour(beacon.NodeId, beacon.Generation, source.Address, beacon.Port, name)
        {
            HeardAtMs = nowMs,
            HeardThereAtMs = nowMs,
        };
        _neighbours.Add(neighbour.Id, neighbour);
        Volatile.Write(ref _known, _neighbours.Count);
        Count(ref _found);
        _expireAtMs = Math.Min(_expireAtMs, nowMs + SilenceMs());
        _listener.Found(neighbour.ToPeer());
        AnswerSoon(source, nowMs);
    }

    private void OnLeave(in BeaconDatagram beacon)
    {
        if (_neighbours.TryGetValue(beacon.NodeId, out Neighbour? neighbour))
        {
            Forget(neighbour);
        }
    }

    private void AnswerSoon(IPEndPoint receiver, long nowMs)
    {
        bool waits = _answers.Exists(a => a.Receiver.Equals(receiver));
        if (!waits && _answers.Count < MaxAnswersWaiting)
        {
            _answers.Add((nowMs + _jitter.Next(AnswerWithinMs + 1), receiver));
        }
    }

    private void Announce(long nowMs)
    {
        Send(BeaconKind.Announce, null);
        int interval = _intervalMs < SteadyIntervalMs ? _intervalMs : GroupIntervalMs();
        _intervalMs = _intervalMs < LastQuickIntervalMs ? _intervalMs * 2 : SteadyIntervalMs;
        _announceAtMs = nowMs + (long)(interval * (1 + (((_jitter.NextDouble() * 2) - 1) * Spread)));
    }

    private void Expire(long nowMs)
    {
        long silence = SilenceMs();
        _expireAtMs = long.MaxValue;
        foreach (Neighbour neighbour in _neighbours.Values.ToArray())
        {
            if (nowMs - neighbour.HeardAtMs >= silence)
            {
                Forget(neighbour);
            }
            else
            {
                _expireAtMs = Math.Min(_expireAtMs, neighbour.HeardAtMs + silence);
            }
        }
    }

    private void Forget(Neighbour neighbour)
    {
        _neighbours.Remove(neighbour.Id);
        Volatile.Write(ref _known, _neighbours.Count);
        Count(ref _lost);
        TellLost(neighbour);
    }

    /// <summary>An address is lost only when no other node in sight goes by it.</summary>
    private void TellLost(Neighbour neighbour)
    {
        if (!_neighbours.Values.Any(n => n != neighbour && n.IsAt(neighbour.Address, neighbour.Port)))
        {
            _listener.Lost(neighbour.ToPeer());
        }
    }

    private Neighbour? At(IPAddress address, int port) => _neighbours.Values.FirstOrDefault(n => n.IsAt(address, port));

    /// <summary>
    /// With many nodes everybody speaks less often, so that the group as a whole hears about 50 beacons a second.
    /// </summary>
    private int GroupIntervalMs() => Math.Max(SteadyIntervalMs, (_neighbours.Count + 1) * 1000 / BeaconsPerSecondOfAll);

    private long SilenceMs() => Math.Max(LeastSilenceMs, IntervalsOfSilence * (long)GroupIntervalMs());

    private void Send(BeaconKind kind, IPEndPoint? receiver)
    {
        Span<byte> datagram = stackalloc byte[ProtocolLimits.MaxBeaconBytes];
        var beacon = new BeaconDatagram
        {
            Kind = kind,
            Port = (ushort)_self.MeshPort,
            NodeId = _self.NodeId,
            Generation = _self.Generation,
            Cluster = _cluster,
            NodeName = _nodeName,
        };
        int length = beacon.Write(datagram);
        if (receiver is null)
        {
            _sender.SendToGroup(datagram[..length]);
        }
        else
        {
            _sender.SendTo(datagram[..length], receiver);
        }
    }

    private static void Count(ref long counter) => Volatile.Write(ref counter, counter + 1);

    private static long Read(ref long counter) => Volatile.Read(ref counter);
}
