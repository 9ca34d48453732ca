using System.Net;
using System.Net.Sockets;

namespace NexusD.Quic.Tests.Support;

/// <summary>
/// A path between one client and a server that loses, doubles and swaps datagrams by a seed, can go dark in either
/// direction, and can change the address that the server sees, as a NAT does.
/// </summary>
internal sealed class UdpRelay : IDisposable
{
    private const int MaxDatagram = 65_536;
    private const int PollMicroseconds = 2000;

    private readonly IPEndPoint _server;
    private readonly Socket _front = Bind();
    private readonly Random _random;
    private readonly Thread _thread;
    private readonly List<Held> _held = [];
    private readonly byte[] _buffer = new byte[MaxDatagram];
    private Socket _back = Bind();
    private EndPoint? _client;
    private volatile bool _stop;
    private volatile bool _rebind;
    private long _toServer;
    private long _toClient;

    public UdpRelay(IPEndPoint server, int seed = 0)
    {
        _server = server;
        _random = new Random(seed);
        _thread = new Thread(Run) { IsBackground = true, Name = "udp relay" };
        _thread.Start();
    }

    /// <summary>Where clients connect to.</summary>
    public IPEndPoint Address => (IPEndPoint)_front.LocalEndPoint!;

    /// <summary>Chance of a datagram to be lost, in each direction.</summary>
    public double Loss { get; init; }

    public double Duplicate { get; init; }

    /// <summary>Chance of a datagram to be overtaken by some of those after it.</summary>
    public double Reorder { get; init; }

    public volatile bool ToServerBlocked;

    public volatile bool ToClientBlocked;

    public long DatagramsToServer => Interlocked.Read(ref _toServer);

    public long DatagramsToClient => Interlocked.Read(ref _toClient);

    /// <summary>From now on the server sees another source port.</summary>
    public void Rebind() => _rebind = true;

    public void Dispose()
    {
        _stop = true;
        _thread.Join();
        _front.Dispose();
        _back.Dispose();
    }

    private static Socket Bind()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp)
        {
            ReceiveBufferSize = 4 * 1024 * 1024,
        };
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    private void Run()
    {
        while (!_stop)
        {
            if (_rebind)
            {
                _rebind = false;
                _back.Dispose();
                _back = Bind();
            }

            List<Socket> ready = [_front, _back];
            Socket.Select(ready, null, null, PollMicroseconds);
            if (ready.Count == 0)
            {
                ReleaseHeld(all: true);
            }

            foreach (Socket socket in ready)
            {
                Take(socket);
            }
        }
    }

    private void Take(Socket from)
    {
        for (int burst = 0; burst < 64 && from.Available > 0; burst++)
        {
            EndPoint sender = new IPEndPoint(IPAddress.Any, 0);
            int length;
            try
            {
                length = from.ReceiveFrom(_buffer, ref sender);
            }
            catch (SocketException)
            {
                return; // the other side's port was closed for a moment
            }

            bool toServer = from == _front;
            if (toServer)
            {
                _client = sender;
                Interlocked.Increment(ref _toServer);
            }
            else
            {
                Interlocked.Increment(ref _toClient);
            }

            Pass(_buffer.AsSpan(0, length), toServer);
        }
    }

    private void Pass(ReadOnlySpan<byte> datagram, bool toServer)
    {
        if ((toServer ? ToServerBlocked : ToClientBlocked) || _random.NextDouble() < Loss)
        {
            return;
        }

        if (_random.NextDouble() < Reorder)
        {
            _held.Add(new Held(datagram.ToArray(), toServer, _random.Next(1, 8)));
            return;
        }

        Send(datagram, toServer);
        if (_random.NextDouble() < Duplicate)
        {
            Send(datagram, toServer);
        }

        ReleaseHeld(all: false);
    }

    private void ReleaseHeld(bool all)
    {
        for (int i = _held.Count - 1; i >= 0; i--)
        {
            Held held = _held[i];
            if (all || held.Overtakers <= 0)
            {
                _held.RemoveAt(i);
                Send(held.Datagram, held.ToServer);
            }
            else
            {
                _held[i] = held with { Overtakers = held.Overtakers - 1 };
            }
        }
    }

    private void Send(ReadOnlySpan<byte> datagram, bool toServer)
    {
        try
        {
            if (toServer)
            {
                _back.SendTo(datagram, _server);
            }
            else if (_client is not null)
            {
                _front.SendTo(datagram, _client);
            }
        }
        catch (SocketException)
        {
            // Like any path: what cannot be delivered is lost.
        }
    }

    private readonly record struct Held(byte[] Datagram, bool ToServer, int Overtakers);
}
