using System.Net;
using NexusD.Buffers;
using NexusD.Loops;
using NexusD.Protocol;
using NexusD.Routing;

namespace NexusD.Sessions.Tests;

/// <summary>Router and sessions of a node on a loop of their own, reached over real sockets.</summary>
internal sealed class SessionFixture : ISessionQueries, IDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Thread _thread;
    private readonly List<Exception> _faults = [];
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("nexusd-sessions-");
    private readonly List<RawClient> _clients = [];

    public SessionFixture(
        Func<SessionOptions, SessionOptions>? change = null,
        RouterOptions? routerOptions = null,
        MemoryBudget? budget = null)
    {
        Pool = new SlabPool(budget: budget);
        Loop = new EventLoop(fault =>
        {
            lock (_faults)
            {
                _faults.Add(fault);
            }
        });
        var options = new SessionOptions
        {
            NodeId = new NodeId("0123456789abcdef"u8),
            NodeName = "node-a",
            Cluster = "test",
            DaemonVersion = "0.1.0",
        };
        Router = new Router(routerOptions ?? new RouterOptions { NodeName = "node-a" }, Pool);
        Listener = new AppListener(Loop, Router, Pool, Clock, change?.Invoke(options) ?? options, this, Time);
        SocketPath = Path.Combine(_directory.FullName, "s");
        Listener.ListenUnix(SocketPath, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        _thread = Loop.StartThread("session test");
    }

    public EventLoop Loop { get; }

    public SlabPool Pool { get; }

    public Router Router { get; }

    public HybridClock Clock { get; } = new();

    public ManualTime Time { get; } = new();

    public AppListener Listener { get; }

    public SessionStatistics Statistics => Listener.Statistics;

    public string SocketPath { get; }

    /// <summary>The answer to the query "status".</summary>
    public byte[] Status { get; set; } = """{"ok":true}"""u8.ToArray();

    /// <summary>A connection that has sent nothing yet.</summary>
    public RawClient Connect()
    {
        var client = new RawClient(SocketPath);
        _clients.Add(client);
        return client;
    }

    /// <summary>A connection with greeting, HELLO and WELCOME behind it.</summary>
    public RawClient Open(ulong publisher = 0, ulong nextNumber = 1, uint? maxAliases = null, uint? maxFrame = null)
    {
        RawClient client = Connect();
        client.Send(Frames.Greeting());
        client.Send(Frames.Hello(publisher, nextNumber, maxAliases, maxFrame));
        client.ReadGreeting();
        client.ReadWelcome();
        return client;
    }

    public IPEndPoint ListenTcp() =>
        Run(() => Listener.ListenTcp(new IPEndPoint(IPAddress.Loopback, 0)).TcpEndPoint!);

    public T Run<T>(Func<T> work)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Loop.Post(() =>
        {
            try
            {
                done.SetResult(work());
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        });
        return done.Task.WaitAsync(Patience).GetAwaiter().GetResult();
    }

    public void Run(Action work) => Run(() =>
    {
        work();
        return true;
    });

    /// <summary>Looks again and again, on the loop's thread, until the state is reached.</summary>
    public void Await(Func<bool> reached)
    {
        long dueMs = Environment.TickCount64 + (long)Patience.TotalMilliseconds;
        while (!Run(reached))
        {
            Assert.True(Environment.TickCount64 < dueMs, "the awaited state was not reached in time");
        }
    }

    /// <summary>Nothing may be lost uncounted.</summary>
    public void AssertIdentity()
    {
        (long matched, long accounted) = Run(() => (Statistics.MatchedEvents, Accounted()));
        Assert.Equal(matched, accounted);
    }

    public bool TryAnswer(string query, out ReadOnlyMemory<byte> json)
    {
        json = Status;
        return query == "status";
    }

    public void Dispose()
    {
        AssertIdentity();
        _clients.ForEach(client => client.Dispose());
        Run(Listener.Dispose);
        Assert.Equal(0, Statistics.Sessions);
        Assert.Equal(0, Statistics.Subscriptions);
        Assert.Equal(0, Statistics.QueuedEvents);
        Assert.Equal((0, 0), (Statistics.KeptSubscriptions, Statistics.KeptBytes));
        Run(() => Router.AssertInvariants());
        Loop.Stop();
        Assert.True(_thread.Join(Patience), "the loop ended");
        Loop.Dispose();
        _directory.Delete(recursive: true);
        Assert.True(_faults.Count == 0, string.Join('\n', _faults));
        Assert.Equal(0, Pool.RentedBytes);
    }

    private long Accounted()
    {
        long sum = Statistics.DeliveredEvents + Statistics.QueuedEvents + Statistics.ReroutedEvents;
        for (int reason = 0; reason < DropReasonNames.Count; reason++)
        {
            sum += Statistics.DroppedEvents((DropReason)reason);
        }

        return sum;
    }
}

/// <summary>Wall time that moves only when told to.</summary>
internal sealed class ManualTime : TimeProvider
{
    private long _unixMs = 1_700_000_000_000;

    public long UnixMs
    {
        get => Volatile.Read(ref _unixMs);
        set => Volatile.Write(ref _unixMs, value);
    }

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(UnixMs);
}
