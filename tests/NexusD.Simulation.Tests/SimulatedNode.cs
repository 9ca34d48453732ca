using System.Buffers.Binary;
using System.Net;
using System.Text;
using NexusD.Protocol;
using NexusD.Quic;
using NexusD.Routing;

namespace NexusD.Simulation.Tests;

/// <summary>One process of a node: from its start to its crash or leave.</summary>
internal sealed class SimulatedNode
{
    private static readonly QuicCredentials _credentials = SelfSignedCertificate.CreateCredentials("simulated");

    private readonly byte[] _body = new byte[400_000];

    public SimulatedNode(SimulationRun run, int host, long linkQueueBytes, TimeSpan linkHold)
    {
        Host = host;
        Name = $"node-{host}#{run.Nodes.Count}";
        Inner = new TestNode(run.World, host, o => new MeshOptions
        {
            Bind = o.Bind,
            NodeName = o.NodeName,
            Cluster = o.Cluster,
            NodeId = o.NodeId,
            JitterSeed = o.JitterSeed,
            Log = o.Log,
            Credentials = _credentials,
            LinkQueueBytes = linkQueueBytes,
            LinkHold = linkHold,
            RetryMax = TimeSpan.FromSeconds(2),
        });
        Run = run;
        AdvanceTime();
    }

    public SimulationRun Run { get; }

    public TestNode Inner { get; }

    /// <summary>Number of the host; a node that starts again has the same.</summary>
    public int Host { get; }

    /// <summary>Name of the process in reports.</summary>
    public string Name { get; }

    public IPAddress Address => Inner.Address;

    /// <summary>Neither crashed nor leaving.</summary>
    public bool IsAlive { get; private set; } = true;

    public bool IsPaused { get; private set; }

    /// <summary>Whether it can do anything of its own at the moment.</summary>
    public bool CanAct => IsAlive && !IsPaused;

    public List<SimulatedPublisher> Publishers { get; } = [];

    /// <summary>The clock value of now.</summary>
    public ulong Now => Inner.Clock.Now(Inner.Loop.UnixMs);

    public void Pause(bool paused)
    {
        IsPaused = paused;
        Inner.Loop.IsPaused = paused;
        Inner.Endpoint.IsPaused = paused;
    }

    /// <summary>Ends without a word, as by kill -9.</summary>
    public void Crash()
    {
        IsAlive = false;
        Pause(false);
        Inner.Endpoint.Kill();
        Inner.Loop.IsPaused = true;
    }

    /// <summary>Leaves in order.</summary>
    public void Leave(Action left)
    {
        IsAlive = false;
        Inner.Mesh.Leave(TimeSpan.FromSeconds(3), left);
    }

    /// <summary>Gives back everything; fails when something is still held then.</summary>
    public void Dispose()
    {
        Pause(false);
        Inner.Mesh.Dispose();
    }

    public void CheckNothingLeaked()
    {
        if (Inner.Pool.RentedBytes != 0)
        {
            throw new SimulationFailure($"{Name} still holds {Inner.Pool.RentedBytes} bytes of slabs at its end");
        }

        Inner.Pool.Trim();
    }

    /// <summary>Publishes a run of events of a size; size 0 deletes a retained topic.</summary>
    public void Publish(
        SimulatedPublisher publisher, string topic, int count, int size, Priority priority, uint ttlMs, bool retain)
    {
        ulong first = (ulong)publisher.Events.Count + 1;
        int length = 0;
        for (int i = 0; i < count; i++)
        {
            publisher.Events.Add(new PublishedEvent(topic, priority, retain, Run.World.NowNs));
            Run.Expect(publisher, first + (ulong)i, topic);
            length += WriteEvent(_body.AsSpan(length), publisher.Id, first + (ulong)i, size);
        }

        Run.History.Note(Name, retain ? "publishes retained" : $"publishes {priority}", publisher.Id, first, topic);
        Span<byte> properties = stackalloc byte[32];
        var writer = new PropertyWriter(properties);
        if (priority != Priority.Normal)
        {
            writer.Write(PropertyId.Priority, (byte)priority);
        }

        if (ttlMs != 0)
        {
            writer.Write(PropertyId.TimeToLive, ttlMs);
        }

        Inner.Router.Publish(new EventRun
        {
            Topic = Inner.Router.Intern(Encoding.UTF8.GetBytes(topic)),
            Publisher = publisher.Id,
            Number = first,
            Timestamp = Inner.Clock.Tick(Inner.Loop.UnixMs),
            Count = count,
            Flags = retain ? RunFlags.Retain : RunFlags.None,
            Priority = priority,
            TimeToLiveMs = ttlMs,
            Properties = properties[..writer.Written],
            Body = _body.AsSpan(0, length),
        });
    }

    /// <summary>Links that are up, by the id of the node at their other end.</summary>
    public Dictionary<string, LinkSnapshot> Links() => Inner.Up.ToDictionary(static l => l.NodeId);

    private static int WriteEvent(Span<byte> into, ulong publisher, ulong number, int size)
    {
        int length = size == 0 ? 0 : Math.Max(size, 16);
        BinaryPrimitives.WriteInt32LittleEndian(into, length);
        if (length != 0)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(into[4..], publisher);
            BinaryPrimitives.WriteUInt64LittleEndian(into[12..], number);
            into[20..(4 + length)].Fill((byte)number);
        }

        return 4 + length;
    }

    private void AdvanceTime()
    {
        if (CanAct)
        {
            Inner.Router.AdvanceTime(Now);
        }

        if (IsAlive)
        {
            Run.World.After(1_000_000_000, AdvanceTime);
        }
    }
}
