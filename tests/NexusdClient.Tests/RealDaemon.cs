using System.Collections.Concurrent;
using System.Text;
using NexusD.Buffers;
using NexusD.Loops;
using NexusD.Protocol;
using NexusD.Protocol.Topics;
using NexusD.Routing;
using NexusD.Routing.Publishers;
using NexusD.Sessions;

namespace NexusdClient.Tests;

/// <summary>
/// The daemon's own sessions and router on a loop in this process, reached over a real Unix socket: everything of
/// nexusd that an application talks to.
/// </summary>
internal sealed class RealDaemon : ISessionQueries, IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("nexusd-");
    private readonly ConcurrentQueue<Exception> _faults = new();
    private readonly ConcurrentQueue<TakenEvent> _taken = new();
    private readonly SlabPool _pool = new();
    private readonly HybridClock _clock = new();
    private readonly EventLoop _loop;
    private readonly Thread _thread;
    private readonly Router _router;
    private AppListener? _listener;

    internal RealDaemon()
    {
        _loop = new EventLoop(_faults.Enqueue);
        _router = new Router(new RouterOptions { NodeName = "real" }, _pool);
        _thread = _loop.StartThread("real daemon");
        Start();
    }

    internal string Address => "unix:" + SocketPath;

    /// <summary>What counts from the next start on.</summary>
    internal SessionOptions Options { get; set; } = new()
    {
        NodeId = new NodeId("0123456789abcdef"u8), NodeName = "real", Cluster = "test", DaemonVersion = "0.1.0",
    };

    internal SessionStatistics Statistics => _listener!.Statistics;

    internal bool HasSubscriptions => _listener is not null && Statistics.Subscriptions > 0;

    /// <summary>Sessions that full subscriptions hold up.</summary>
    internal int HeldSessions
    {
        get
        {
            var held = 0;
            Run(() => held = _listener!.TakeSnapshots().Count(s => s.IsHeldUp));
            return held;
        }
    }

    private string SocketPath => Path.Combine(_folder.FullName, "s");

    /// <summary>Listens, as a daemon that was just started.</summary>
    internal void Start() => Run(() =>
    {
        _listener = new AppListener(_loop, _router, _pool, _clock, Options, this, TimeProvider.System);
        _listener.ListenUnix(SocketPath, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    });

    /// <summary>Ends listener and connections at once, as a crash would; retained events are kept.</summary>
    internal void Stop() => Run(() => _listener!.Dispose());

    /// <summary>Tells the clients that it is leaving.</summary>
    internal void Leave() => Run(() => _listener!.Leave());

    /// <summary>
    /// Keeps every event from now on, of any topic. Not by a client, which would have to come back sooner than a
    /// publisher that is tested.
    /// </summary>
    internal void Observe()
    {
        Assert.Equal(TopicError.None, TopicFilter.TryParse("#"u8, out TopicFilter? all));
        Run(() => _router.Subscribe(new Observer(_taken), all!));
    }

    /// <summary>
    /// Publishes an event as if by an application of this daemon that no test has a client for: publisher 77, numbers
    /// from 1 on.
    /// </summary>
    internal void PublishAside(string topic, byte number) => Run(() =>
    {
        PublisherRecord record = _router.Publishers.GetOrAdd(77);
        if (number == 1)
        {
            record.PinAsLocal(1);
        }

        record.Advance(number, 1, Priority.Normal);
        _router.Publish(new EventRun
        {
            Topic = _router.Intern(Encoding.UTF8.GetBytes(topic)),
            Publisher = 77,
            Number = number,
            Timestamp = _clock.Tick(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()),
            Count = 1,
            Body = [1, 0, 0, 0, number],
        });
    });

    /// <summary>The events that were observed, once there are so many.</summary>
    internal async Task<TakenEvent[]> TakenAsync(int count)
    {
        await Wait.UntilAsync($"{count} events were observed", () => _taken.Count >= count);
        return [.. _taken];
    }

    public bool TryAnswer(string query, out ReadOnlyMemory<byte> json)
    {
        json = Encoding.UTF8.GetBytes($$"""{"query":"{{query}}"}""");
        return query is "status" or "peers" or "topics" or "clients";
    }

    public ValueTask DisposeAsync()
    {
        Stop();
        _loop.Stop();
        Assert.True(_thread.Join(Wait.Limit), "the loop did not end");
        _loop.Dispose();
        _folder.Delete(recursive: true);
        Assert.Empty(_faults);
        return ValueTask.CompletedTask;
    }

    private void Run(Action work)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _loop.Post(() =>
        {
            try
            {
                work();
                done.SetResult();
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        });
        done.Task.WaitAsync(Wait.Limit).GetAwaiter().GetResult();
    }
}

/// <summary>Takes note of every event that the router delivers.</summary>
internal sealed class Observer(ConcurrentQueue<TakenEvent> taken) : DeliveryTarget
{
    public override void Deliver(in EventRun run, ref RouteEntry entry)
    {
        ulong number = run.Number;
        var reader = new RunReader(run.Body);
        while (reader.TryRead(out ReadOnlySpan<byte> payload))
        {
            taken.Enqueue(new TakenEvent(run.Publisher, number++, run.Topic.Text, payload.ToArray()));
        }
    }

    public override void DeliverGap(in GapNotice gap)
    {
    }
}

/// <summary>An event as a daemon took it.</summary>
internal sealed record TakenEvent(ulong Publisher, ulong Number, string Topic, byte[] Payload);
