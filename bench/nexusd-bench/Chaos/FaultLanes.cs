using System.Globalization;
using NexusdBench.History;

namespace NexusdBench.Chaos;

/// <summary>
/// What goes wrong in a run. Three lanes side by side, for processes, the network and clients, each one fault after the
/// other; the seed decides every fault, its length and the pause before it.
/// </summary>
internal sealed class FaultLanes
{
    private readonly ChaosMesh _mesh;
    private readonly RunHistory _history;
    private readonly RunClock _clock;
    private readonly IReadOnlyList<SubscriberParty> _subscribers;
    private readonly IReadOnlyList<StreamRelay> _streams;
    private readonly Lock _gate = new();

    internal FaultLanes(
        ChaosMesh mesh, RunHistory history, RunClock clock, IReadOnlyList<SubscriberParty> subscribers,
        IReadOnlyList<StreamRelay> streams)
    {
        _mesh = mesh;
        _history = history;
        _clock = clock;
        _subscribers = subscribers;
        _streams = streams;
    }

    /// <summary>Names of all faults, by lane.</summary>
    internal static IReadOnlyList<string[]> Names { get; } =
    [
        ["kill", "pause", "restart"], ["cut", "oneway", "isolate", "flap", "weather"], ["slow", "stuck", "reconnect"],
    ];

    /// <summary>The last fault that began, for the progress line.</summary>
    internal string Latest { get; private set; } = string.Empty;

    internal int Count { get; private set; }

    /// <summary>Makes faults until it is stopped; every one has been mended when it returns.</summary>
    internal Task RunAsync(int seed, IReadOnlyCollection<string> wanted, CancellationToken stop) => Task.WhenAll(
        Names.Select((names, lane) => RunLaneAsync(
            new Random(unchecked((seed * 397) + lane)), [.. names.Where(wanted.Contains)], stop)));

    private async Task RunLaneAsync(Random random, string[] names, CancellationToken stop)
    {
        while (names.Length > 0 && await PauseAsync(random.Next(200, 1_500), stop))
        {
            // All choices are made before anything is waited for, so that the seed alone makes them.
            var name = names[random.Next(names.Length)];
            var milliseconds = random.Next(100, 3_000) * (random.Next(4) == 0 ? 2 : 1);
            var (one, other) = (random.Next(1 << 20), random.Next(1 << 20));
            var begun = _clock.Now;
            var (nodes, text) = await PlayAsync(name, milliseconds, one, other, stop);
            lock (_gate)
            {
                _history.Faults.Add(new FaultSpan(begun, nodes == "-" ? begun : _clock.Now, nodes, text));
            }
        }
    }

    private Task<(string Nodes, string Text)> PlayAsync(
        string name, int milliseconds, int one, int other, CancellationToken stop) => name switch
    {
        "kill" or "pause" or "restart" => OnProcessAsync(
            name, _mesh.Nodes[one % _mesh.Nodes.Count], milliseconds, stop),
        "slow" or "stuck" => OnSubscriberAsync(name, _subscribers[one % _subscribers.Count], milliseconds, stop),
        "reconnect" => OnStreamAsync(one),
        "weather" => WeatherAsync(milliseconds, one, other, stop),
        "isolate" => IsolateAsync(one % _mesh.Nodes.Count, milliseconds, stop),
        _ => OnPairAsync(name, milliseconds, one, other, stop),
    };

    private async Task<(string, string)> OnProcessAsync(
        string name, ChaosNode node, int milliseconds, CancellationToken stop)
    {
        var text = Begin($"{name} {node.Name}", milliseconds);
        switch (name)
        {
            case "kill":
                await node.KillAsync();
                await PauseAsync(milliseconds / 3, stop);
                await node.StartAsync();
                break;
            case "restart":
                await node.LeaveAsync();
                await PauseAsync(milliseconds / 10, stop);
                await node.StartAsync();
                break;
            default:
                node.Stop();
                await PauseAsync(milliseconds, stop);
                node.Continue();
                break;
        }

        return (node.Name, text);
    }

    private async Task<(string, string)> OnSubscriberAsync(
        string name, SubscriberParty subscriber, int milliseconds, CancellationToken stop)
    {
        var text = Begin($"{name} {subscriber.Name}", milliseconds);
        var time = milliseconds * 1_000_000L;
        if (name == "slow")
        {
            subscriber.SlowDown(time);
        }
        else
        {
            subscriber.Stick(time);
        }

        await PauseAsync(milliseconds, stop);
        return ("-", text);
    }

    private Task<(string, string)> OnStreamAsync(int one)
    {
        var text = Begin("reconnect", 0);
        if (_streams.Count > 0)
        {
            _streams[one % _streams.Count].Break();
        }

        return Task.FromResult(("-", text));
    }

    private async Task<(string, string)> OnPairAsync(
        string name, int milliseconds, int one, int other, CancellationToken stop)
    {
        var pairs = _mesh.Relays.Keys.Order().ToArray();
        var pair = pairs[one % pairs.Length];
        var relay = _mesh.Relays[pair];
        var (a, b) = (_mesh.Nodes[pair.Listener].Name, _mesh.Nodes[pair.Dialer].Name);
        var text = Begin($"{name} {a}-{b}", milliseconds);
        switch (name)
        {
            case "cut":
                relay.IsCut = true;
                await PauseAsync(milliseconds, stop);
                break;
            case "oneway":
                (relay.IsCutTowards, relay.IsCutBack) = (other % 2 == 0, other % 2 != 0);
                await PauseAsync(milliseconds, stop);
                break;
            default:
                for (var i = 0; i < 6; i++)
                {
                    relay.IsCut = i % 2 == 0;
                    await PauseAsync(milliseconds / 6, stop);
                }

                break;
        }

        relay.IsCut = false;
        return ($"{a}+{b}", text);
    }

    private async Task<(string, string)> IsolateAsync(int node, int milliseconds, CancellationToken stop)
    {
        var text = Begin($"isolate {_mesh.Nodes[node].Name}", milliseconds);
        var relays = _mesh.Relays.Where(r => r.Key.Listener == node || r.Key.Dialer == node).Select(r => r.Value);
        foreach (var relay in relays)
        {
            relay.IsCut = true;
        }

        await PauseAsync(milliseconds, stop);
        foreach (var relay in relays)
        {
            relay.IsCut = false;
        }

        return (_mesh.Nodes[node].Name, text);
    }

    private async Task<(string, string)> WeatherAsync(int milliseconds, int one, int other, CancellationToken stop)
    {
        var (loss, jitter) = (one % 10 / 100.0, other % 15);
        var text = Begin($"weather (loss {loss:0.00}, jitter {jitter} ms)", milliseconds);
        foreach (var relay in _mesh.Relays.Values)
        {
            (relay.Loss, relay.Doubling, relay.JitterMs) = (loss, 0.03, jitter);
        }

        await PauseAsync(milliseconds, stop);
        foreach (var relay in _mesh.Relays.Values)
        {
            (relay.Loss, relay.Doubling, relay.JitterMs) = (0, 0, 0);
        }

        return ("*", text);
    }

    private string Begin(FormattableString what, int milliseconds) =>
        Begin(what.ToString(CultureInfo.InvariantCulture), milliseconds);

    private string Begin(string what, int milliseconds)
    {
        Count++;
        return Latest = milliseconds == 0
            ? what
            : string.Create(CultureInfo.InvariantCulture, $"{what} {milliseconds} ms");
    }

    /// <returns>False: the run is over.</returns>
    private static async Task<bool> PauseAsync(int milliseconds, CancellationToken stop)
    {
        try
        {
            await Task.Delay(milliseconds, stop); // tidy: allow blocking-call - the length of a fault
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
