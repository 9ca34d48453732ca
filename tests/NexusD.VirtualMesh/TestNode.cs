using System.Buffers.Binary;
using System.Net;
using System.Text;
using NexusD.Buffers;
using NexusD.Protocol;
using NexusD.Protocol.Topics;
using NexusD.Routing;

namespace NexusD.VirtualMesh;

/// <summary>A node without applications: router, mesh, and subscriptions that remember what they got.</summary>
internal sealed class TestNode : IDisposable
{
    private readonly Dictionary<ulong, ulong> _numbers = [];

    public TestNode(
        VirtualWorld world,
        int host,
        Func<MeshOptions, MeshOptions>? change = null,
        string? name = null,
        int port = 5671,
        RouterOptions? router = null,
        MemoryBudget? budget = null)
    {
        World = world;
        Pool = new SlabPool(budget: budget);
        Loop = world.CreateLoop();
        Address = IPAddress.Parse($"10.0.0.{host}");
        name ??= $"node-{host}";
        NodeId id = NewNodeId(world);
        Router = new Router((router ?? new RouterOptions()) with { NodeName = name, NodeId = id }, Pool);
        var options = new MeshOptions
        {
            Bind = new IPEndPoint(Address, port),
            NodeName = name,
            Cluster = "test",
            NodeId = id,
            JitterSeed = host,
            Log = Log,
        };
        Options = change is null ? options : change(options);
        Mesh = new Mesh(Loop, Router, Clock, Pool, Options, endpoint =>
        {
            Endpoint = (FakeEndpoint)world.Network.Open(endpoint);
            return Endpoint;
        });
        Mesh.Start();
    }

    public VirtualWorld World { get; }

    public VirtualLoop Loop { get; }

    public IPAddress Address { get; }

    public SlabPool Pool { get; }

    public Router Router { get; }

    public HybridClock Clock { get; } = new();

    public MeshOptions Options { get; }

    public Mesh Mesh { get; }

    public FakeEndpoint Endpoint { get; private set; } = null!;

    public RecordingLog Log { get; } = new();

    public PeerAddress PeerAddress => new(Address.ToString(), Options.Bind.Port, "static");

    public MeshSnapshot Snapshot => Mesh.GetSnapshot();

    /// <summary>Links that are up or suspect.</summary>
    public List<LinkSnapshot> Up => [.. Snapshot.Links.Where(l => l.State is LinkState.Up or LinkState.Suspect)];

    public void Knows(params TestNode[] others)
    {
        foreach (TestNode other in others)
        {
            Mesh.PeerFound(other.PeerAddress);
        }
    }

    public RecordingTarget Subscribe(params string[] filters)
    {
        var target = new RecordingTarget();
        foreach (string filter in filters)
        {
            Router.Subscribe(target, TopicFilter.Parse(filter));
        }

        World.Settle();
        return target;
    }

    /// <summary>A member of a group; the filter as <c>$share/name/filter</c>.</summary>
    public RecordingTarget Join(string filter, GroupStrategy strategy = GroupStrategy.Sticky)
    {
        var target = new RecordingTarget();
        Router.Join(target, GroupFilter.Parse(filter), strategy);
        World.Settle();
        return target;
    }

    public PublishOutcome Publish(
        string topic,
        string payload,
        ulong publisher = 7,
        bool retain = false,
        Priority priority = Priority.Normal,
        byte[]? properties = null,
        uint timeToLiveMs = 0) =>
        PublishMany(topic, [payload], publisher, retain, priority, properties, timeToLiveMs);

    public PublishOutcome PublishMany(
        string topic,
        string[] payloads,
        ulong publisher = 7,
        bool retain = false,
        Priority priority = Priority.Normal,
        byte[]? properties = null,
        uint timeToLiveMs = 0)
    {
        byte[] body = [.. payloads.SelectMany(Event)];
        ulong number = _numbers.GetValueOrDefault(publisher) + 1;
        _numbers[publisher] = number + (ulong)payloads.Length - 1;
        return Router.Publish(new EventRun
        {
            Topic = Router.Intern(Encoding.UTF8.GetBytes(topic)),
            Publisher = publisher,
            Number = number,
            Timestamp = Clock.Tick(Loop.UnixMs),
            Count = payloads.Length,
            Flags = retain ? RunFlags.Retain : RunFlags.None,
            Priority = priority,
            TimeToLiveMs = timeToLiveMs,
            Properties = properties ?? (timeToLiveMs == 0
                ? []
                : [PropertyId.TimeToLive, 4, 0, .. BitConverter.GetBytes(timeToLiveMs)]),
            Body = body,
        });
    }

    public void Kill()
    {
        Endpoint.Kill();
        Loop.OnWake(static () => { });
    }

    public void Dispose()
    {
        Mesh.Dispose();
        World.RunFor(10);
        Assert.Equal(0, Pool.RentedBytes);
        Pool.Trim();
    }

    private static NodeId NewNodeId(VirtualWorld world)
    {
        byte[] id = new byte[NodeId.Size];
        world.Random.NextBytes(id);
        return new NodeId(id);
    }

    private static byte[] Event(string payload)
    {
        byte[] text = Encoding.UTF8.GetBytes(payload);
        byte[] size = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(size, text.Length);
        return [.. size, .. text];
    }
}

/// <summary>A subscription that remembers everything.</summary>
internal sealed class RecordingTarget : DeliveryTarget
{
    public List<(string Topic, ulong Publisher, ulong Number, string Payload)> Events { get; } = [];

    public List<GapNotice> Gaps { get; } = [];

    public List<(Priority Priority, byte[] Properties, RunFlags Flags)> Details { get; } = [];

    public List<string> Payloads => [.. Events.Select(e => e.Payload)];

    public override void Deliver(in EventRun run, ref RouteEntry entry)
    {
        var reader = new RunReader(run.Body);
        ulong number = run.Number;
        while (reader.TryRead(out ReadOnlySpan<byte> payload))
        {
            Events.Add((run.Topic.Text, run.Publisher, number++, Encoding.UTF8.GetString(payload)));
        }

        Details.Add((run.Priority, run.Properties.ToArray(), run.Flags));
        Assert.Equal(run.Number + (ulong)run.Count, number);
    }

    public override void DeliverGap(in GapNotice gap) => Gaps.Add(gap);
}

/// <summary>Remembers what the mesh tells.</summary>
internal sealed class RecordingLog : IMeshLog
{
    public List<string> Lines { get; } = [];

    public void LinkUp(string node, string address, string engine, bool dialed) => Lines.Add($"up {node}");

    public void LinkSuspect(string node, string address, TimeSpan silence) => Lines.Add($"suspect {node}");

    public void LinkDown(string node, string address, string reason) => Lines.Add($"down {node}: {reason}");

    public void PeerLeft(string node, string address) => Lines.Add($"left {node}");

    public void EventsGivenUp(string node, long events) => Lines.Add($"gave up {events} for {node}");

    public void DialFailed(string address, string reason, long failures) => Lines.Add($"dial {address}: {reason}");

    public void PeerRefused(string address, string code, string reason) => Lines.Add($"refused {code}: {reason}");

    public void Warning(string node, string what) => Lines.Add($"warning {node}: {what}");
}
