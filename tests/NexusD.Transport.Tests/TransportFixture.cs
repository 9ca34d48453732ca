using System.Net;
using System.Net.Sockets;
using NexusD.Buffers;
using NexusD.Loops;

namespace NexusD.Transport.Tests;

/// <summary>
/// A loop on its own thread with a listener; each accepted connection gets a <see cref="RecordingConsumer"/>.
/// </summary>
internal sealed class TransportFixture : IStreamAcceptor, IDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly Thread _thread;
    private readonly List<Exception> _faults = [];
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("nexusd-transport-");
    private readonly List<Socket> _clients = [];

    public TransportFixture(bool unix, TimeSpan? frameTimeout = null)
    {
        Loop = new EventLoop(fault =>
        {
            lock (_faults)
            {
                _faults.Add(fault);
            }
        });
        _thread = Loop.StartThread("transport test");
        Transport = Run(() => new StreamTransport(Loop, Pool, frameTimeout));
        SocketPath = Path.Combine(_directory.FullName, "s");
        const UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        Listener = Run(() => unix
            ? StreamListener.ListenUnix(Transport, SocketPath, mode, this)
            : StreamListener.ListenTcp(Transport, new IPEndPoint(IPAddress.Loopback, 0), this));
    }

    public EventLoop Loop { get; }

    public SlabPool Pool { get; } = new();

    public StreamTransport Transport { get; }

    public StreamListener Listener { get; }

    public string SocketPath { get; }

    public StateRecord<List<RecordingConsumer>> Accepted { get; } = new([]);

    /// <summary>What new connections do; set before connecting.</summary>
    public Action<RecordingConsumer> Prepare { get; set; } = _ => { };

    public void OnAccepted(StreamConnection connection)
    {
        var consumer = new RecordingConsumer(connection);
        Prepare(consumer);
        connection.Start(consumer);
        Accepted.Change(all => all.Add(consumer));
    }

    public (Socket Client, RecordingConsumer Served) Connect()
    {
        int before = Accepted.Read(all => all.Count);
        Socket client = NewClient();
        ConnectClient(client);
        Accepted.Await(all => all.Count > before);
        return (client, Accepted.Read(all => all[before]));
    }

    public Socket NewClient()
    {
        bool unix = Listener.UnixPath is not null;
        var client = unix
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        client.ReceiveTimeout = (int)Patience.TotalMilliseconds;
        client.SendTimeout = (int)Patience.TotalMilliseconds;
        _clients.Add(client);
        return client;
    }

    public void ConnectClient(Socket client) => client.Connect(
        Listener.UnixPath is { } path ? new UnixDomainSocketEndPoint(path) : Listener.TcpEndPoint!);

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
    public void AwaitOnLoop(Func<bool> reached)
    {
        long dueMs = Environment.TickCount64 + (long)Patience.TotalMilliseconds;
        while (!Run(reached))
        {
            Assert.True(Environment.TickCount64 < dueMs, "the awaited state was not reached in time");
        }
    }

    public static byte[] ReadExactly(Socket client, int count)
    {
        var bytes = new byte[count];
        for (int have = 0; have < count;)
        {
            int got = client.Receive(bytes.AsSpan(have), SocketFlags.None);
            Assert.True(got > 0, $"the stream ended after {have} of {count} bytes");
            have += got;
        }

        return bytes;
    }

    public static void AssertEnded(Socket client) => Assert.Equal(0, client.Receive(new byte[1]));

    public void Dispose()
    {
        Run(Listener.Dispose);
        foreach (Socket client in _clients)
        {
            client.Dispose();
        }

        Run(() => Accepted.Read(all => all.ToArray()).ToList().ForEach(c => c.Connection.Close()));
        Run(Transport.Dispose);
        Loop.Stop();
        Assert.True(_thread.Join(Patience), "the loop ended");
        Loop.Dispose();
        _directory.Delete(recursive: true);
        Assert.Empty(_faults);
        Assert.Equal(0, Pool.RentedBytes);
    }
}
