using System.Net;
using System.Net.Sockets;
using System.Text;
using NexusD.Protocol;
using NexusD.Protocol.Frames;
using NexusdClient.Connections;

namespace NexusdClient.Tests;

public sealed class ConnectTests
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(300);

    [Theory]
    [InlineData("localhost:5672", "localhost:5672")]
    [InlineData("nexusd", "nexusd:5672")]
    [InlineData("10.0.0.1:80", "10.0.0.1:80")]
    [InlineData("[::1]:7000", "[::1]:7000")]
    [InlineData("[::1]", "[::1]:5672")]
    [InlineData("::1", "[::1]:5672")]
    [InlineData("unix:/run/x.sock", "unix:/run/x.sock")]
    [InlineData("unix:///run/x.sock", "unix:/run/x.sock")]
    [InlineData("/run/x.sock", "unix:/run/x.sock")]
    public void Address_forms(string text, string expected) =>
        Assert.Equal(expected, ServerAddress.Parse(text).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("host:0")]
    [InlineData("host:70000")]
    [InlineData("host:port")]
    [InlineData("http://host:80")]
    [InlineData("a b:1")]
    [InlineData("[::1")]
    [InlineData("unix:")]
    public void Bad_addresses_are_named(string text)
    {
        var error = Assert.Throws<ArgumentException>(() => new Client(text));
        Assert.Contains($"'{text}'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Localhost_means_both_loopback_addresses() =>
        Assert.Equal(
            [new IPEndPoint(IPAddress.IPv6Loopback, 5672), new IPEndPoint(IPAddress.Loopback, 5672)],
            ServerAddress.Parse("localhost").Resolve());

    [Fact]
    public void Without_an_address_the_environment_counts()
    {
        try
        {
            Environment.SetEnvironmentVariable(ServerAddress.Variable, "example:9");
            Assert.Equal("example:9", ServerAddress.Parse(null).ToString());
            Environment.SetEnvironmentVariable(ServerAddress.Variable, "example:x");
            var error = Assert.Throws<ArgumentException>(() => ServerAddress.Parse(null));
            Assert.Contains(ServerAddress.Variable, error.Message, StringComparison.Ordinal);
        }
        finally
        {
            Environment.SetEnvironmentVariable(ServerAddress.Variable, null);
        }
    }

    [Fact]
    public async Task Nothing_there_says_what_to_do()
    {
        await using var client = new Client("unix:/nonexistent/nexusd.sock");
        var error = await Assert.ThrowsAsync<ConnectionException>(() => client.WaitReadyAsync(Short)).InTimeAsync();
        Assert.Contains("Start nexusd", error.Message, StringComparison.Ordinal);
        Assert.Contains("/nonexistent/nexusd.sock", error.Message, StringComparison.Ordinal);
        Assert.False(error.IsPermanent);
    }

    [Fact]
    public async Task A_closed_port_says_what_to_do()
    {
        using var reserved = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        reserved.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var port = ((IPEndPoint)reserved.LocalEndPoint!).Port;
        await using var client = new Client($"127.0.0.1:{port}");
        var error = await Assert.ThrowsAsync<ConnectionException>(() => client.WaitReadyAsync(Short)).InTimeAsync();
        Assert.Contains($"Nothing listens at 127.0.0.1:{port}", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("AMQP\0\0\t\u0001", "RabbitMQ")]
    [InlineData("HTTP/1.1 400 Bad Request\r\n\r\n", "an HTTP server")]
    [InlineData("hello there, stranger", "another program")]
    public async Task Another_program_at_the_address_is_named(string answer, string guess)
    {
        await using var daemon = new ScriptedDaemon();
        daemon.Conversation = async stream => await stream.WriteAsync(Encoding.ASCII.GetBytes(answer));
        await using var client = new Client(daemon.Address);
        var error = await Assert.ThrowsAsync<ConnectionException>(() => client.WaitReadyAsync()).InTimeAsync();
        Assert.Contains(guess, error.Message, StringComparison.Ordinal);
        Assert.Contains("not nexusd", error.Message, StringComparison.Ordinal);
        Assert.True(error.IsPermanent);
    }

    [Fact]
    public async Task A_version_that_is_not_common_is_told()
    {
        await using var daemon = new ScriptedDaemon();
        daemon.Conversation = async stream =>
        {
            await stream.WriteAsync("NXD1\0\0\0\0"u8.ToArray());
            await stream.WriteAsync(Error(ErrorCode.UnsupportedVersion, "This daemon speaks version 2 to 3."));
        };
        await using var client = new Client(daemon.Address);
        var error = await Assert.ThrowsAsync<ConnectionException>(() => client.WaitReadyAsync()).InTimeAsync();
        Assert.Equal(ErrorCode.UnsupportedVersion, error.Code);
        Assert.Contains("version 2 to 3", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_is_not_let_in_is_told()
    {
        await using var daemon = new ScriptedDaemon();
        daemon.Conversation = async stream =>
        {
            await stream.WriteAsync("NXD1\u0001\0\0\0"u8.ToArray());
            await stream.WriteAsync(Error(ErrorCode.Unauthenticated, "Give a token."));
        };
        await using var client = new Client(daemon.Address);
        var error = await Assert.ThrowsAsync<ConnectionException>(() => client.WaitReadyAsync()).InTimeAsync();
        Assert.Equal(ErrorCode.Unauthenticated, error.Code);
        Assert.Contains("Give a token.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_never_answers_is_given_up()
    {
        await using var daemon = new ScriptedDaemon();
        daemon.Conversation = stream => Task.Delay(Timeout.Infinite, daemon.Stopped);
        await using var client = new Client(daemon.Address, new ClientOptions { ConnectTimeout = Short });
        var told = new TaskCompletionSource<string>();
        client.StateChanged += (_, change) =>
        {
            if (change.Reason is not null)
            {
                told.TrySetResult(change.Reason.Message);
            }
        };
        var waiting = client.WaitReadyAsync();
        Assert.Contains("did not answer within 0.3 s", await told.Task.InTimeAsync(), StringComparison.Ordinal);
        Assert.False(waiting.IsCompleted);
    }

    [Fact]
    public async Task A_connect_that_hangs_is_given_up()
    {
        // A listener whose queue is full lets a TCP connect hang as a filtered port does.
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(0);
        var endPoint = (IPEndPoint)listener.LocalEndPoint!;
        var fillers = new List<Socket>();
        for (var i = 0; i < 4; i++)
        {
            var filler = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            fillers.Add(filler);
            _ = filler.ConnectAsync(endPoint).ContinueWith(t => t.Exception, TaskScheduler.Default);
        }

        await Task.Yield();
        await using var client = new Client(endPoint.ToString(), new ClientOptions { ConnectTimeout = Short });
        var told = new TaskCompletionSource<string>();
        client.StateChanged += (_, change) =>
        {
            if (change.Reason is not null)
            {
                told.TrySetResult(change.Reason.Message);
            }
        };
        _ = client.WaitReadyAsync().ContinueWith(t => t.Exception, TaskScheduler.Default);
        Assert.Contains("did not answer", await told.Task.InTimeAsync(), StringComparison.Ordinal);
        fillers.ForEach(f => f.Dispose());
    }

    [Fact]
    public void The_wait_before_a_new_attempt_grows_to_the_maximum_and_varies()
    {
        var backoff = new ReconnectBackoff(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(30), new Random(5));
        var waits = Enumerable.Range(0, 200).Select(_ => backoff.Next().TotalMilliseconds).ToArray();
        Assert.InRange(waits[0], 10, 100);
        Assert.InRange(waits[1], 10, 200);
        Assert.All(waits, w => Assert.InRange(w, 10, 30_000));
        Assert.InRange(waits.Skip(20).Average(), 12_000, 18_000);
        backoff.Reset();
        Assert.InRange(backoff.Next().TotalMilliseconds, 10, 100);
    }

    private static byte[] Error(ErrorCode code, string text)
    {
        var frame = new ErrorFrame { Code = code, Closes = true, Text = Encoding.UTF8.GetBytes(text) };
        var bytes = new byte[frame.FrameBytes];
        frame.Write(bytes);
        return bytes;
    }
}
