using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace NexusdBench.Chaos;

/// <summary>
/// Daemons of this run on the loopback interface, each pair linked through a relay of its own: the later one dials the
/// earlier one through it.
/// </summary>
internal sealed class ChaosMesh : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("nexusd-chaos-");
    private readonly List<ChaosNode> _nodes = [];
    private readonly Dictionary<(int Listener, int Dialer), LossyRelay> _relays = [];

    private ChaosMesh()
    {
    }

    internal IReadOnlyList<ChaosNode> Nodes => _nodes;

    internal IReadOnlyDictionary<(int Listener, int Dialer), LossyRelay> Relays => _relays;

    internal static async Task<ChaosMesh> StartAsync(
        string program, int count, int seed, IReadOnlyList<string> options)
    {
        var mesh = new ChaosMesh();
        try
        {
            mesh.Lay(program, count, seed, options);
            await Task.WhenAll(mesh._nodes.Select(n => n.StartAsync()));
            return mesh;
        }
        catch
        {
            await mesh.DisposeAsync();
            throw;
        }
    }

    /// <summary>A path in the folder of the run.</summary>
    internal string PathOf(string name) => Path.Combine(_folder.FullName, name);

    /// <summary>Takes every disturbance off the network.</summary>
    internal void Calm()
    {
        foreach (var relay in _relays.Values)
        {
            relay.IsCut = false;
            (relay.Loss, relay.Doubling, relay.JitterMs) = (0, 0, 0);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_nodes.Select(n => n.DisposeAsync().AsTask()));
        foreach (var relay in _relays.Values)
        {
            await relay.DisposeAsync();
        }

        _folder.Delete(recursive: true);
    }

    private void Lay(string program, int count, int seed, IReadOnlyList<string> options)
    {
        var ports = FreePorts(count);
        for (var dialer = 0; dialer < count; dialer++)
        {
            for (var listener = 0; listener < dialer; listener++)
            {
                _relays[(listener, dialer)] = new LossyRelay(ports[listener], HashCode(seed, listener, dialer));
            }

            var peers = string.Join(
                ',',
                Enumerable.Range(0, dialer).Select(l => string.Create(
                    CultureInfo.InvariantCulture, $"127.0.0.1:{_relays[(l, dialer)].Port}")));
            List<string> arguments =
            [
                string.Create(CultureInfo.InvariantCulture, $"--mesh-port={ports[dialer]}"), .. options,
            ];
            if (peers.Length > 0)
            {
                arguments.Add($"--peers={peers}");
            }

            _nodes.Add(new ChaosNode(
                program, _folder.FullName, string.Create(CultureInfo.InvariantCulture, $"n{dialer + 1}"), arguments));
        }
    }

    private static int HashCode(int seed, int one, int other) => unchecked((((seed * 31) + one) * 31) + other);

    /// <summary>Ports that were free a moment ago: a node has to come back to its own.</summary>
    private static int[] FreePorts(int count)
    {
        var sockets = new List<Socket>();
        try
        {
            for (var i = 0; i < count; i++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
                sockets.Add(socket);
                socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            }

            return [.. sockets.Select(s => ((IPEndPoint)s.LocalEndPoint!).Port)];
        }
        finally
        {
            sockets.ForEach(s => s.Dispose());
        }
    }
}
