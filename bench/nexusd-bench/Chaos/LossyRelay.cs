using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace NexusdBench.Chaos;

/// <summary>
/// A UDP relay in front of a port of this machine that treats datagrams as a bad network does: it loses, doubles,
/// delays and so reorders them, and can be cut in either direction. The seed makes the choices the same for the same
/// datagrams.
/// </summary>
internal sealed class LossyRelay : IAsyncDisposable
{
    private readonly Socket _front = NewSocket();
    private readonly IPEndPoint _target;
    private readonly Random _random;
    private readonly ConcurrentDictionary<IPEndPoint, Socket> _ways = new();
    private readonly CancellationTokenSource _end = new();

    public LossyRelay(int targetPort, int seed)
    {
        _target = new IPEndPoint(IPAddress.Loopback, targetPort);
        _random = new Random(seed);
        _ = RelayInAsync();
    }

    /// <summary>Where to send to.</summary>
    public int Port => ((IPEndPoint)_front.LocalEndPoint!).Port;

    /// <summary>Share of datagrams that are lost, 0 to 1.</summary>
    public double Loss { get; set; }

    /// <summary>Share of datagrams that come twice, 0 to 1.</summary>
    public double Doubling { get; set; }

    /// <summary>Datagrams are late by up to this many milliseconds, each by its own.</summary>
    public int JitterMs { get; set; }

    /// <summary>Nothing gets to the target.</summary>
    public bool IsCutTowards { get; set; }

    /// <summary>Nothing comes back from the target.</summary>
    public bool IsCutBack { get; set; }

    public bool IsCut
    {
        set => IsCutTowards = IsCutBack = value;
    }

    /// <summary>Datagrams that were lost on purpose.</summary>
    public long Lost { get; private set; }

    /// <summary>From now on the target sees other addresses, as after a translator has forgotten its table.</summary>
    public void ChangeAddresses()
    {
        foreach (IPEndPoint client in _ways.Keys)
        {
            if (_ways.TryRemove(client, out Socket? former))
            {
                former.Dispose();
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _front.Dispose();
        ChangeAddresses();
        _end.Dispose();
    }

    private static Socket NewSocket()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp)
        {
            ReceiveBufferSize = 4 << 20,
            SendBufferSize = 4 << 20,
        };
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    private async Task RelayInAsync()
    {
        byte[] buffer = new byte[65_536];
        while (await ReceiveAsync(_front, buffer) is { } from)
        {
            if (!IsCutTowards)
            {
                Socket way = _ways.GetOrAdd(from.Client, OpenWay);
                Pass(way, buffer.AsSpan(0, from.Bytes), _target);
            }
        }
    }

    private Socket OpenWay(IPEndPoint client)
    {
        Socket way = NewSocket();
        _ = RelayBackAsync(way, client);
        return way;
    }

    private async Task RelayBackAsync(Socket way, IPEndPoint client)
    {
        byte[] buffer = new byte[65_536];
        while (await ReceiveAsync(way, buffer) is { } from)
        {
            if (!IsCutBack)
            {
                Pass(_front, buffer.AsSpan(0, from.Bytes), client);
            }
        }
    }

    private async Task<(IPEndPoint Client, int Bytes)?> ReceiveAsync(Socket socket, byte[] buffer)
    {
        while (!_end.IsCancellationRequested)
        {
            try
            {
                SocketReceiveFromResult got = await socket.ReceiveFromAsync(
                    buffer, SocketFlags.None, new IPEndPoint(IPAddress.Any, 0), _end.Token);
                return ((IPEndPoint)got.RemoteEndPoint, got.ReceivedBytes);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
            {
                // The target is not there at the moment.
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
            {
                return null;
            }
        }

        return null;
    }

    private void Pass(Socket through, ReadOnlySpan<byte> datagram, IPEndPoint to)
    {
        int copies;
        int[] lateMs = new int[2];
        lock (_random)
        {
            copies = _random.NextDouble() < Loss ? 0 : _random.NextDouble() < Doubling ? 2 : 1;
            lateMs[0] = _random.Next(JitterMs + 1);
            lateMs[1] = _random.Next(JitterMs + 1);
            Lost += copies == 0 ? 1 : 0;
        }

        byte[] bytes = datagram.ToArray();
        for (int copy = 0; copy < copies; copy++)
        {
            _ = SendLaterAsync(through, bytes, to, lateMs[copy]);
        }
    }

    private async Task SendLaterAsync(Socket through, byte[] bytes, IPEndPoint to, int lateMs)
    {
        try
        {
            if (lateMs > 0)
            {
                await Task.Delay(lateMs, _end.Token); // tidy: allow blocking-call - being late is what it is for
            }

            await through.SendToAsync(bytes, SocketFlags.None, to, _end.Token);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // A datagram that is lost, which is what a network does.
        }
    }
}
