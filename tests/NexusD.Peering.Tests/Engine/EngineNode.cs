using System.Diagnostics;
using System.Net;
using System.Text;
using NexusD.Buffers;
using NexusD.Loops;
using NexusD.Protocol.Topics;
using NexusD.Quic;
using NexusD.Routing;

namespace NexusD.Peering.Tests.Engine;

/// <summary>Runs where the ngtcp2 engine is installed, and says so loudly where it is not.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class EngineFactAttribute : FactAttribute
{
    public EngineFactAttribute()
    {
        if (!QuicEndpoint.IsAvailable(QuicEngineKind.Ngtcp2, out string reason))
        {
            Skip = reason;
        }
    }
}

/// <summary>A mesh with the real engine on a loop of its own, on 127.0.0.1.</summary>
internal sealed class EngineNode : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly EventLoop _loop;
    private readonly Thread _thread;
    private readonly List<Exception> _faults = [];
    private IQuicEndpoint? _endpoint;
    private bool _disposed;

    public EngineNode(string name, QuicCredentials? credentials = null, int port = 0, bool hasty = false)
    {
        Name = name;
        _loop = new EventLoop(e =>
        {
            lock (_faults)
            {
                _faults.Add(e);
            }
        });
        Router = new Router(new RouterOptions { NodeName = name }, Pool);
        Mesh = new Mesh(_loop, Router, new HybridClock(), Pool, Options(name, credentials, port, hasty), Open);
        Mesh.Start();
        Port = Mesh.LocalEndPoint.Port;
        _thread = _loop.StartThread(name);
    }

    public string Name { get; }

    public int Port { get; }

    public SlabPool Pool { get; } = new();

    public Router Router { get; }

    public Mesh Mesh { get; }

    public MeshSnapshot Snapshot => Do(Mesh.GetSnapshot);

    public PeerAddress Address => new("127.0.0.1", Port, "static");

    public int UpCount => Snapshot.Links.Count(l => l.State is LinkState.Up or LinkState.Suspect);

    public void Knows(params EngineNode[] others)
    {
        foreach (EngineNode other in others)
        {
            Do(() => Mesh.PeerFound(other.Address));
        }
    }

    public CountingTarget Subscribe(string filter)
    {
        var target = new CountingTarget();
        Do(() => Router.Subscribe(target, TopicFilter.Parse(filter)));
        return target;
    }

    /// <summary>Publishes numbered events in runs; returns to how many peers the first run went.</summary>
    public int Publish(
        string topic, ulong publisher, ulong first, int runs, int eventsPerRun, int payloadBytes) => Do(() =>
    {
        byte[] body = new byte[eventsPerRun * (4 + payloadBytes)];
        for (int at = 0; at < body.Length; at += 4 + payloadBytes)
        {
            BitConverter.TryWriteBytes(body.AsSpan(at), payloadBytes);
        }

        int peers = -1;
        for (int i = 0; i < runs; i++)
        {
            PublishOutcome outcome = Router.Publish(new EventRun
            {
                Topic = Router.Intern(Encoding.UTF8.GetBytes(topic)),
                Publisher = publisher,
                Number = first + (ulong)(i * eventsPerRun),
                Timestamp = HybridClock.FromUnixMs(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()),
                Count = eventsPerRun,
                Body = body,
            });
            peers = peers < 0 ? outcome.Peers : peers;
        }

        return peers;
    });

    /// <summary>Runs on the loop's thread and waits for the outcome.</summary>
    public T Do<T>(Func<T> work)
    {
        T result = default!;
        Exception? failure = null;
        using var done = new ManualResetEventSlim();
        _loop.Post(() =>
        {
            try
            {
                result = work();
            }
            catch (Exception e)
            {
                failure = e;
            }

            done.Set();
        });
        Assert.True(done.Wait(Patience), $"the loop of {Name} does not answer");
        return failure is null ? result : throw new InvalidOperationException(failure.Message, failure);
    }

    /// <summary>Waits until a condition, looked at on this node, holds.</summary>
    public void WaitFor(Func<bool> condition, string what, TimeSpan? within = null)
    {
        var watch = Stopwatch.StartNew();
        using var tick = new SemaphoreSlim(0);
        while (!Do(condition))
        {
            bool inTime = watch.Elapsed < (within ?? Patience);
            Assert.True(inTime, $"{Name}: after {watch.Elapsed} it is not so that {what}");
            tick.Wait(2); // lets the loops run; nothing depends on how long
        }
    }

    /// <summary>
    /// Stops reading and sending without a word, as a stopped process does; the port stays taken until Dispose.
    /// </summary>
    public void Freeze()
    {
        _loop.Stop();
        Assert.True(_thread.Join(Patience), "the loop did not stop");
    }

    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        if (_thread.IsAlive)
        {
            Do(() =>
            {
                Mesh.Dispose();
                return true;
            });
            Freeze();
        }
        else
        {
            _endpoint!.Dispose();
        }

        _loop.Dispose();
        lock (_faults)
        {
            Assert.Empty(_faults);
        }
    }

    private IQuicEndpoint Open(QuicEndpointOptions options) =>
        _endpoint = QuicEndpoint.Create(QuicEngineKind.Ngtcp2, _loop, options);

    private static MeshOptions Options(string name, QuicCredentials? credentials, int port, bool hasty) => new()
    {
        Bind = new IPEndPoint(IPAddress.Loopback, port),
        NodeName = name,
        Cluster = "engine-test",
        Credentials = credentials,
        PingInterval = TimeSpan.FromMilliseconds(hasty ? 150 : 1_000),
        SuspectAfter = TimeSpan.FromMilliseconds(hasty ? 400 : 10_000),
        DownAfter = TimeSpan.FromMilliseconds(hasty ? 900 : 30_000), // the machine may be busy with other things
    };
}

/// <summary>Counts events and checks that each publisher's numbers come without a hole and in order.</summary>
internal sealed class CountingTarget : DeliveryTarget
{
    private readonly Dictionary<ulong, ulong> _next = [];
    private long _events;

    public long Events => Volatile.Read(ref _events);

    public long Disorders { get; private set; }

    public ulong Gaps { get; private set; }

    public override void Deliver(in EventRun run, ref RouteEntry entry)
    {
        ulong expected = _next.GetValueOrDefault(run.Publisher, run.Number);
        Disorders += expected == run.Number ? 0 : 1;
        _next[run.Publisher] = run.LastNumber + 1;
        Volatile.Write(ref _events, _events + run.Count);
    }

    public override void DeliverGap(in GapNotice gap) => Gaps += gap.Count;
}
