using System.ComponentModel;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace NexusD.Transport.Tests;

/// <summary>
/// Addresses, socket files and running out of descriptors. Alone, because it lowers a limit of the process.
/// </summary>
[Collection(nameof(AloneInTheProcess))]
public sealed class StreamListenerTests
{
    private const UnixFileMode OwnerAndGroup =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;

    [Fact]
    [System.Runtime.Versioning.SupportedOSPlatform("linux")]
    public void UnixSocket_HasItsMode_AndIsRemovedAtTheEnd()
    {
        using var fixture = new TransportFixture(unix: true);
        string path = fixture.SocketPath + "2";

        StreamListener listener = Listen(fixture, path);
        Assert.Equal(OwnerAndGroup, File.GetUnixFileMode(path));
        Assert.Equal(path, listener.UnixPath);
        fixture.Run(listener.Dispose);
        Assert.False(File.Exists(path));
    }

    [Fact]
    public void StaleSocketFile_IsReplaced()
    {
        using var fixture = new TransportFixture(unix: true);
        string path = fixture.SocketPath + "2";
        string moved = path + "old";
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(moved));
            dead.Listen();
            File.Move(moved, path); // .NET removes the file under its old name only
        }

        Assert.True(File.Exists(path));
        fixture.Run(Listen(fixture, path).Dispose);
    }

    [Fact]
    public void SocketInUse_IsLeftAlone()
    {
        using var fixture = new TransportFixture(unix: true);
        IOException error = Assert.Throws<IOException>(() => Listen(fixture, fixture.SocketPath));
        Assert.Contains("Another process listens", error.Message, StringComparison.Ordinal);
        fixture.Connect();
    }

    [Fact]
    public void OrdinaryFile_IsLeftAlone()
    {
        using var fixture = new TransportFixture(unix: true);
        string path = fixture.SocketPath + "2";
        File.WriteAllText(path, "precious");
        IOException error = Assert.Throws<IOException>(() => Listen(fixture, path));
        Assert.Contains("is no socket", error.Message, StringComparison.Ordinal);
        Assert.Equal("precious", File.ReadAllText(path));
    }

    [Fact]
    public void SocketOfAnotherProcess_IsNotRemovedAtTheEnd()
    {
        using var fixture = new TransportFixture(unix: true);
        string path = fixture.SocketPath + "2";
        StreamListener listener = Listen(fixture, path);
        File.Move(path, path + "kept"); // its inode stays in use, so the new file gets another
        File.WriteAllText(path, "of somebody else");
        fixture.Run(listener.Dispose);
        Assert.True(File.Exists(path));
    }

    [Fact]
    public void BadPaths_AreExplained()
    {
        using var fixture = new TransportFixture(unix: true);
        IOException missing = Assert.Throws<IOException>(() => Listen(fixture, fixture.SocketPath + "x/y/s"));
        Assert.Contains("does not exist", missing.Message, StringComparison.Ordinal);
        ArgumentException tooLong = Assert.Throws<ArgumentException>(() => Listen(fixture, "/" + new string('x', 107)));
        Assert.Contains("1 to 107", tooLong.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public void TcpPort_IsToldAndTaken(string address)
    {
        using var fixture = new TransportFixture(unix: false);
        var wanted = new IPEndPoint(IPAddress.Parse(address), 0);
        StreamListener listener = fixture.Run(() => StreamListener.ListenTcp(fixture.Transport, wanted, fixture));
        IPEndPoint bound = listener.TcpEndPoint!;
        Assert.NotEqual(0, bound.Port);
        Assert.Equal(wanted.Address, bound.Address);

        using var client = new Socket(wanted.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(bound);
        fixture.Accepted.Await(all => all.Count == 1);
        IPEndPoint? seen = fixture.Run(() => fixture.Accepted.Read(all => all[0].Connection.GetRemoteEndPoint()));
        Assert.Equal(client.LocalEndPoint, seen);
        Assert.Null(fixture.Run(() => fixture.Accepted.Read(all => all[0].Connection.GetPeerCredentials())));

        Win32Exception error = Assert.Throws<Win32Exception>(
            () => fixture.Run(() => StreamListener.ListenTcp(fixture.Transport, bound, fixture)));
        Assert.Contains(bound.ToString(), error.Message, StringComparison.Ordinal);
        fixture.Run(listener.Dispose);
    }

    [Fact]
    public void UnixPeer_IsKnown()
    {
        using var fixture = new TransportFixture(unix: true);
        (_, RecordingConsumer served) = fixture.Connect();
        PeerCredentials? peer = fixture.Run(served.Connection.GetPeerCredentials);
        Assert.Equal(Environment.ProcessId, peer?.ProcessId);
        Assert.Equal(geteuid(), peer?.UserId);
        Assert.Null(fixture.Run(served.Connection.GetRemoteEndPoint));
    }

    [Fact]
    public void OutOfDescriptors_RestsInsteadOfSpinning_AndAcceptsLater()
    {
        using var fixture = new TransportFixture(unix: true);
        Socket first = fixture.NewClient();
        Socket second = fixture.NewClient();
        Assert.Equal(0, getrlimit(FileLimit, out Limit normal));
        int used = Directory.GetFiles("/proc/self/fd").Select(f => int.Parse(Path.GetFileName(f))).Max() + 1;
        long turns;
        try
        {
            // Descriptors below the limit may be free: fill them, so that the next one is refused.
            Assert.Equal(0, setrlimit(FileLimit, normal with { Soft = (nuint)used }));
            using var filler = new DescriptorFiller();
            fixture.ConnectClient(first);
            fixture.ConnectClient(second);
            turns = fixture.Run(() => fixture.Loop.Turns);
            AwaitFailures(fixture.Listener, 3);
            turns = fixture.Run(() => fixture.Loop.Turns) - turns;
        }
        finally
        {
            Assert.Equal(0, setrlimit(FileLimit, normal));
        }

        fixture.Accepted.Await(all => all.Count == 2);
        Assert.InRange(turns, 1, 50);
    }

    private const int FileLimit = 7;

    // Spins on the counter: a look through the loop's mailbox would itself make turns.
    private static void AwaitFailures(StreamListener listener, int failures) => Assert.True(
        SpinWait.SpinUntil(() => listener.Failures >= failures, TransportFixture.Patience),
        "the listener failed and rested");

    private static StreamListener Listen(TransportFixture fixture, string path) =>
        fixture.Run(() => StreamListener.ListenUnix(fixture.Transport, path, OwnerAndGroup, fixture));

    [DllImport("libc")]
    private static extern uint geteuid();

    [DllImport("libc")]
    private static extern int getrlimit(int resource, out Limit limit);

    [DllImport("libc")]
    private static extern int setrlimit(int resource, in Limit limit);

    [DllImport("libc")]
    private static extern int dup(int fd);

    [DllImport("libc")]
    private static extern int close(int fd);

    private record struct Limit(nuint Soft, nuint Hard);

    private sealed class DescriptorFiller : IDisposable
    {
        private readonly List<int> _held = [];

        public DescriptorFiller()
        {
            for (int fd = dup(0); fd >= 0; fd = dup(0))
            {
                _held.Add(fd);
            }
        }

        public void Dispose() => _held.ForEach(fd => Assert.Equal(0, close(fd)));
    }
}

[CollectionDefinition(nameof(AloneInTheProcess), DisableParallelization = true)]
public sealed class AloneInTheProcess;
