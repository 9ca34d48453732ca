using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using NexusD.Daemon.Logging;
using NexusD.Daemon.Options;
using NexusD.Protocol;

namespace NexusD.Daemon.Tests;

/// <summary>A whole node inside the test process, with real sockets on loopback.</summary>
public sealed class DaemonHostTests : IDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);
    private readonly string _folder = Directory.CreateTempSubdirectory("nexusd-host-").FullName;

    private string SocketPath => Path.Combine(_folder, "n.sock");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task It_serves_answers_queries_and_leaves_in_order()
    {
        using DaemonHost host = Make();
        Task run = Task.Factory.StartNew(host.Run, TaskCreationOptions.LongRunning);
        ReadyLine ready = await host.Ready.WaitAsync(_patience);
        Assert.Equal([$"unix:{SocketPath}", ready.Apps[1]], ready.Apps);
        Assert.True(ready.Mesh.Port > 0 && ready.Health!.Port > 0);

        using (Socket app = Connect())
        {
            Assert.Equal("n1", Query(app, "status").GetProperty("node").GetProperty("name").GetString());
            Assert.Equal(1, Query(app, "status").GetProperty("sessions").GetProperty("open").GetInt32());
            Assert.Equal(JsonValueKind.Array, Query(app, "peers").ValueKind);
            Assert.Equal(JsonValueKind.Array, Query(app, "topics").ValueKind);
            Assert.Equal(1, Query(app, "clients").GetArrayLength());
            Assert.Equal(ErrorCode.UnknownQuery, Ask(app, "nonsense").Code);
        }

        using var http = new HttpClient();
        Assert.Equal("ready\n", await http.GetStringAsync(new Uri($"http://{ready.Health}/readyz")));
        Assert.True(host.TryLeave("test"));
        Assert.False(host.TryLeave("test"));
        Assert.Equal("the daemon is leaving", host.NotReadyBecause);
        await run.WaitAsync(_patience);
        Assert.Null(host.FailedBecause);
        Assert.False(File.Exists(SocketPath));
    }

    [Fact]
    public async Task An_app_that_stays_does_not_hold_up_the_end_beyond_the_grace_time()
    {
        using DaemonHost host = Make("--shutdown-grace=300ms");
        Task run = Task.Factory.StartNew(host.Run, TaskCreationOptions.LongRunning);
        await host.Ready.WaitAsync(_patience);
        using Socket app = Connect();
        host.TryLeave("test");
        await run.WaitAsync(_patience);
        Assert.Null(host.FailedBecause);
    }

    [Fact]
    public void Ports_and_paths_that_cannot_be_had_are_named_with_what_to_do()
    {
        using var udp = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        udp.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        int mesh = ((IPEndPoint)udp.LocalEndPoint!).Port;
        AssertFails("--mesh-port", $"{mesh}", $"--mesh-port={mesh}");

        using var tcp = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        tcp.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        tcp.Listen();
        int app = ((IPEndPoint)tcp.LocalEndPoint!).Port;
        AssertFails("--app-port", $"{app}", $"--app-port={app}");

        AssertFails("--app-socket", "does not exist", $"--app-socket={_folder}/no/such/n.sock");
        File.WriteAllText(SocketPath, "precious");
        AssertFails("--app-socket", "no socket");
        Assert.Equal("precious", File.ReadAllText(SocketPath));
        File.Delete(SocketPath);

        string pem = Path.Combine(_folder, "x.pem");
        File.WriteAllText(pem, "this is no certificate");
        AssertFails("--tls-ca", "cannot be read", "--tls-ca=/none", $"--tls-cert={pem}", $"--tls-key={pem}");
        AssertFails(pem, "cannot be used", $"--tls-ca={pem}", $"--tls-cert={pem}", $"--tls-key={pem}");
    }

    private void AssertFails(string named, string why, params string[] flags)
    {
        var e = Assert.Throws<StartException>(() => Make(flags));
        Assert.Contains(named, e.Message, StringComparison.Ordinal);
        Assert.Contains(why, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }

    private DaemonHost Make(params string[] more)
    {
        string[] flags =
        [
            "--cluster=test", "--node-name=n1", $"--app-socket={SocketPath}", "--app-port=0", "--app-bind=127.0.0.1",
            "--mesh-port=0", "--bind=127.0.0.1", "--discovery=static", "--http-bind=127.0.0.1", "--health-port=0",
            "--log-level=FATAL", .. more,
        ];
        OptionSet options = OptionLoader.Load(flags, new Dictionary<string, string>());
        Assert.Empty(options.Errors);
        return new DaemonHost(options, new LogWriter(2, json: false, TimeProvider.System), TextWriter.Null);
    }

    /// <summary>Connects, greets and says HELLO without properties (docs/protocol/app-v1.md).</summary>
    private Socket Connect()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
        {
            ReceiveTimeout = (int)_patience.TotalMilliseconds,
        };
        socket.Connect(new UnixDomainSocketEndPoint(SocketPath));
        socket.Send([.. "NXD1"u8, 1, 1, 0, 0, 4, 0, 0, 0, 0x01, 0, 0, 0]);
        ReadExactly(socket, 8);
        Assert.Equal(FrameKind.Welcome, ReadFrame(socket)[4]);
        return socket;
    }

    private static JsonElement Query(Socket socket, string query)
    {
        (ErrorCode code, string text) = Ask(socket, query);
        Assert.Equal(ErrorCode.None, code);
        return JsonDocument.Parse(text).RootElement;
    }

    private static (ErrorCode Code, string Text) Ask(Socket socket, string query)
    {
        var frame = new byte[12 + query.Length];
        BinaryPrimitives.WriteInt32LittleEndian(frame, frame.Length - 4);
        frame[4] = FrameKind.Query;
        Encoding.UTF8.GetBytes(query, frame.AsSpan(12));
        socket.Send(frame);
        byte[] answer = ReadFrame(socket);
        Assert.Equal(FrameKind.Result, answer[4]);
        var code = (ErrorCode)BinaryPrimitives.ReadUInt16LittleEndian(answer.AsSpan(6));
        return (code, Encoding.UTF8.GetString(answer.AsSpan(12)));
    }

    private static byte[] ReadFrame(Socket socket)
    {
        byte[] length = ReadExactly(socket, 4);
        return [.. length, .. ReadExactly(socket, BinaryPrimitives.ReadInt32LittleEndian(length))];
    }

    private static byte[] ReadExactly(Socket socket, int count)
    {
        var bytes = new byte[count];
        for (int have = 0; have < count;)
        {
            int read = socket.Receive(bytes, have, count - have, SocketFlags.None);
            Assert.True(read > 0, "the daemon closed the connection");
            have += read;
        }

        return bytes;
    }
}
