using System.Net;
using NexusD.Quic;

namespace NexusD.VirtualMesh;

/// <summary>
/// QUIC as its user sees it, without packets: reliable streams with a delay, acknowledgements, time-outs. Hosts can be
/// cut off from each other; an endpoint can vanish as by kill -9.
/// </summary>
internal sealed class FakeNetwork(VirtualWorld world)
{
    private readonly Dictionary<IPEndPoint, FakeEndpoint> _endpoints = [];
    private readonly HashSet<(IPAddress, IPAddress)> _cuts = [];
    private int _nextPort = 40_000;

    public VirtualWorld World => world;

    /// <summary>One way.</summary>
    public long DelayNs { get; set; } = 500_000;

    /// <summary>Random addition to the delay of each message of each stream; order within a stream is kept.</summary>
    public long JitterNs { get; set; }

    /// <summary>Data is handed over in pieces of up to this many bytes, cut at random.</summary>
    public int PieceBytes { get; set; } = 1_350;

    /// <summary>Sees all that is written, stream by stream, before it is sent, and may change it in place.</summary>
    public Action<FakeConnection, long, byte[]>? Tap { get; set; }

    /// <summary>All connections that were ever begun, both sides.</summary>
    public List<FakeConnection> Connections { get; } = [];

    public IQuicEndpoint Open(QuicEndpointOptions options)
    {
        int port = options.Bind.Port == 0 ? _nextPort++ : options.Bind.Port;
        var endpoint = new FakeEndpoint(this, new IPEndPoint(options.Bind.Address, port), options);
        Assert.True(_endpoints.TryAdd(endpoint.LocalEndPoint, endpoint), $"{endpoint.LocalEndPoint} is in use");
        return endpoint;
    }

    public void Cut(IPAddress one, IPAddress other)
    {
        _cuts.Add((other, one));
        CutOneWay(one, other);
    }

    /// <summary>What one host sends does not reach the other, which is heard all the same.</summary>
    public void CutOneWay(IPAddress from, IPAddress to)
    {
        _cuts.Add((from, to));
        foreach (FakeConnection connection in Connections.ToArray())
        {
            connection.OnCut();
        }
    }

    public void Heal(IPAddress one, IPAddress other)
    {
        _cuts.Remove((one, other));
        _cuts.Remove((other, one));
    }

    public bool IsCut(IPAddress one, IPAddress other) => _cuts.Contains((one, other));

    /// <summary>A second address of a host, as behind a translator: whoever is there does not know it.</summary>
    public void AddAlias(string address, FakeEndpoint endpoint) =>
        _endpoints.Add(new IPEndPoint(IPAddress.Parse(address), endpoint.LocalEndPoint.Port), endpoint);

    public FakeEndpoint? Find(IPEndPoint address) => _endpoints.GetValueOrDefault(address);

    /// <summary>Nobody listens there any more, unless the address belongs to another endpoint by now.</summary>
    public void Remove(FakeEndpoint endpoint)
    {
        if (Find(endpoint.LocalEndPoint) == endpoint)
        {
            _endpoints.Remove(endpoint.LocalEndPoint);
        }
    }
}

internal sealed class FakeEndpoint(FakeNetwork network, IPEndPoint local, QuicEndpointOptions options) : IQuicEndpoint
{
    /// <summary>How often a client sends its first packet again, as the probe time-out of QUIC does.</summary>
    private static readonly long[] FirstPacketsNs = [0, 1_000_000_000, 3_000_000_000];

    public string EngineName => "fake";

    public IPEndPoint LocalEndPoint => local;

    public QuicEndpointOptions Options => options;

    public List<FakeConnection> Own { get; } = [];

    /// <summary>The process is stopped: nothing that comes is taken, and time goes on.</summary>
    public bool IsPaused { get; set; }

    public IQuicConnection Connect(QuicConnectOptions connect, IQuicConnectionHandler handler)
    {
        var connection = new FakeConnection(network, this, connect.Remote, handler, isClient: true);
        Own.Add(connection);
        network.Connections.Add(connection);
        foreach (long at in FirstPacketsNs)
        {
            network.World.After(at + network.DelayNs, connection.FirstPacketArrives);
        }

        network.World.After((long)options.HandshakeTimeout.TotalNanoseconds, connection.HandshakeTimesOut);
        return connection;
    }

    public void ReplaceCredentials(QuicCredentials credentials)
    {
    }

    public QuicEndpointStatistics GetStatistics() => default;

    /// <summary>Gone without a word, like a killed process.</summary>
    public void Kill()
    {
        network.Remove(this);
        foreach (FakeConnection connection in Own.ToArray())
        {
            connection.Vanish();
        }
    }

    public void Dispose()
    {
        network.Remove(this);
        foreach (FakeConnection connection in Own.ToArray())
        {
            connection.Close(0, "endpoint closed");
        }
    }
}
