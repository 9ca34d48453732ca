using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;

namespace NexusD.Discovery.Multicast;

/// <summary>
/// The sockets of multicast discovery and the interfaces they use. A failure is told and tried again at the next look
/// at the
/// interfaces; discovery never stops the daemon.
/// </summary>
internal sealed class BeaconSockets : IBeaconSender, IDisposable
{
    // Linux's own numbers (socket.h, in.h): .NET has no names for these.
    private const int SolSocket = 1;
    private const int SoReuseAddress = 2;
    private const int SoReusePort = 15;
    private const int IpProtocol = 0;
    private const int IpMulticastInterface = 32;
    private const int IpMulticastAll = 49;

    private readonly MulticastOptions _options;
    private readonly IDiscoveryLog _log;
    private readonly IPEndPoint _group;
    private readonly Dictionary<int, HostInterface> _joined = [];
    private readonly SocketAddress _from = new(AddressFamily.InterNetwork);
    private readonly IPEndPoint _anyFrom = new(IPAddress.Any, 0);
    private readonly Socket _own;
    private Socket? _shared;
    private string _trouble = string.Empty;
    private long _sent;
    private long _sendErrors;

    public BeaconSockets(MulticastOptions options, IDiscoveryLog log)
    {
        (_options, _log) = (options, log);
        _group = new IPEndPoint(options.Group, options.Port);
        _own = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { Blocking = false };
        _own.Bind(new IPEndPoint(IPAddress.Any, 0));
        _own.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastTimeToLive, 1);
        _own.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastLoopback, true);
    }

    /// <summary>Datagrams sent. Any thread.</summary>
    public long Sent => Volatile.Read(ref _sent);

    /// <summary>Datagrams that the kernel refused. Any thread.</summary>
    public long SendErrors => Volatile.Read(ref _sendErrors);

    /// <summary>Joins the group where interfaces came and forgets those that went; true when one came.</summary>
    public bool FollowInterfaces()
    {
        IReadOnlyList<HostInterface> wanted = HostInterfaces.Choose(HostInterfaces.List(), _options.Interfaces);
        foreach (HostInterface gone in _joined.Values.Where(j => !wanted.Any(w => w.Index == j.Index)).ToArray())
        {
            LeaveInterface(gone);
        }

        if (wanted.Count == 0)
        {
            string which = _options.Interfaces.Count == 0 ? "no network interface"
                : $"none of the interfaces {string.Join(',', _options.Interfaces)}";
            Tell($"{which} is up with an IPv4 address; multicast discovery waits for one");
            return false;
        }

        if (!OpenShared())
        {
            return false;
        }

        bool came = false;
        foreach (HostInterface candidate in wanted.Where(w => !_joined.ContainsKey(w.Index)))
        {
            came |= JoinInterface(candidate);
        }

        return came;
    }

    /// <summary>Adds the sockets to wait on.</summary>
    public void AddTo(List<Socket> sockets)
    {
        sockets.Add(_own);
        if (_shared is not null)
        {
            sockets.Add(_shared);
        }
    }

    /// <summary>
    /// Takes one datagram; false when there is none. One too long for the buffer is cut, and so no valid beacon.
    /// </summary>
    public bool TryReceive(Socket socket, byte[] buffer, out int length, [NotNullWhen(true)] out IPEndPoint? source)
    {
        length = 0;
        source = null;
        try
        {
            if (!socket.Poll(0, SelectMode.SelectRead))
            {
                return false;
            }

            length = socket.ReceiveFrom(buffer, SocketFlags.None, _from);
            source = (IPEndPoint)_anyFrom.Create(_from);
            return true;
        }
        catch (SocketException)
        {
            // Nothing there after all (a datagram with a bad checksum), or an error told of an earlier datagram.
            return false;
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
    }

    public void SendToGroup(ReadOnlySpan<byte> datagram)
    {
        foreach (HostInterface joined in _joined.Values)
        {
            try
            {
                _own.SetRawSocketOption(IpProtocol, IpMulticastInterface, ToRequest(joined));
                Send(datagram, _group);
            }
            catch (SocketException)
            {
                // The interface just went; the next look at the interfaces takes it out.
                Volatile.Write(ref _sendErrors, _sendErrors + 1);
            }
        }
    }

    public void SendTo(ReadOnlySpan<byte> datagram, IPEndPoint receiver) => Send(datagram, receiver);

    /// <summary>Ends a wait: an empty datagram to the own socket. Any thread.</summary>
    public void Wake()
    {
        try
        {
            int port = ((IPEndPoint)_own.LocalEndPoint!).Port;
            _own.SendTo([], new IPEndPoint(IPAddress.Loopback, port));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Without loopback the wait ends by itself when the next beacon is due.
        }
    }

    public void Dispose()
    {
        _own.Dispose();
        _shared?.Dispose();
    }

    private bool OpenShared()
    {
        if (_shared is not null)
        {
            return true;
        }

        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { Blocking = false };
        try
        {
            SetRaw(socket, SolSocket, SoReuseAddress, 1);
            SetRaw(socket, SolSocket, SoReusePort, 1);
            SetRaw(socket, IpProtocol, IpMulticastAll, 0); // only what comes by the interfaces joined here
            socket.Bind(_group); // the group's address: datagrams to other groups of that port stay away
            _shared = socket;
            return true;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            Tell($"UDP port {_options.Port} cannot be shared for beacons ({e.Message}); is it taken by another program?"
                + " Choose another --mcast-port in the whole cluster, or use --discovery=static with --peers");
            return false;
        }
    }

    private bool JoinInterface(HostInterface candidate)
    {
        try
        {
            var membership = new MulticastOption(_options.Group, candidate.Index);
            _shared!.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.AddMembership, membership);
        }
        catch (SocketException e)
        {
            Tell($"interface {candidate.Name} cannot join multicast group {_options.Group} ({e.Message})");
            return false;
        }

        _joined.Add(candidate.Index, candidate);
        _trouble = string.Empty;
        _log.InterfaceJoined(candidate.Name, candidate.Address.ToString());
        return true;
    }

    private void LeaveInterface(HostInterface gone)
    {
        _joined.Remove(gone.Index);
        _log.InterfaceLeft(gone.Name);
        try
        {
            var membership = new MulticastOption(_options.Group, gone.Index);
            _shared!.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.DropMembership, membership);
        }
        catch (SocketException)
        {
            // The interface is gone and its membership with it.
        }
    }

    private void Send(ReadOnlySpan<byte> datagram, IPEndPoint receiver)
    {
        try
        {
            _own.SendTo(datagram, SocketFlags.None, receiver);
            Volatile.Write(ref _sent, _sent + 1);
        }
        catch (SocketException)
        {
            Volatile.Write(ref _sendErrors, _sendErrors + 1);
        }
    }

    private void Tell(string trouble)
    {
        if (_trouble != trouble)
        {
            _trouble = trouble;
            _log.Trouble(trouble);
        }
    }

    /// <summary>
    /// struct ip_mreqn (ip(7)): by its number alone the kernel would send from an address of another interface where
    /// that of this one does not reach beyond the host.
    /// </summary>
    private static byte[] ToRequest(in HostInterface joined)
    {
        var request = new byte[12];
        joined.Address.TryWriteBytes(request.AsSpan(4), out _);
        BitConverter.TryWriteBytes(request.AsSpan(8), joined.Index);
        return request;
    }

    private static void SetRaw(Socket socket, int level, int name, int value) =>
        socket.SetRawSocketOption(level, name, BitConverter.GetBytes(value));
}
