using System.Collections.Concurrent;
using System.Net.Sockets;
using NexusD.Protocol.Topics;

namespace NexusdClient.Tests;

/// <summary>
/// Speaks the app protocol over a real Unix socket as far as a client can tell, and plays what a real daemon does not
/// do on demand: cuts, silence, refusals, nonsense. Events go to every subscription of every session that matches.
/// </summary>
internal sealed class ScriptedDaemon : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("nexusd-").FullName;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<ScriptedSession, byte> _sessions = new();
    private readonly Dictionary<string, byte[]> _retained = [];
    private readonly Lock _gate = new();
    private Socket? _listener;
    private Task _accepting = Task.CompletedTask;
    private ulong _lastPublisher = 100;

    internal ScriptedDaemon()
    {
        Address = "unix:" + SocketPath;
        Listen();
    }

    internal string Address { get; }

    /// <summary>What WELCOME says about limits.</summary>
    internal uint MaxAliases { get; set; } = 65_536;

    internal uint MaxFrame { get; set; } = 4_260_096;

    internal uint MaxPayload { get; set; } = 4_194_304;

    internal uint IdleTimeoutMs { get; set; }

    /// <summary>Sees each frame first; true: the frame is dealt with.</summary>
    internal Func<ScriptedSession, byte, byte[], bool>? Intercept { get; set; }

    /// <summary>Takes the place of the whole conversation.</summary>
    internal Func<NetworkStream, Task>? Conversation { get; set; }

    internal ConcurrentQueue<ScriptedSession> Accepted { get; } = new();

    internal IEnumerable<ScriptedSession> Sessions => _sessions.Keys;

    /// <summary>Every event that was taken: publisher, number, topic, payload.</summary>
    internal ConcurrentQueue<(ulong Publisher, ulong Number, string Topic, byte[] Payload)> Taken { get; } = new();

    /// <summary>
    /// What went wrong in the daemon: what a client sent that it must not send. Thrown at the end of the test.
    /// </summary>
    internal ConcurrentQueue<Exception> Failures { get; } = new();

    internal CancellationToken Stopped => _stop.Token;

    private string SocketPath => Path.Combine(_folder, "d.sock");

    internal void Listen()
    {
        File.Delete(SocketPath);
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(SocketPath));
        listener.Listen();
        _listener = listener;
        _accepting = AcceptAsync(listener);
    }

    /// <summary>Goes away: no listener, no connections, as after a crash.</summary>
    internal async Task StopListeningAsync()
    {
        _listener!.Dispose();
        File.Delete(SocketPath);
        await _accepting;
        CutAll();
    }

    internal void CutAll()
    {
        foreach (var session in _sessions.Keys)
        {
            session.Cut();
        }
    }

    internal void Join(ScriptedSession session) => _sessions[session] = 0;

    internal void Leave(ScriptedSession session) => _sessions.TryRemove(session, out _);

    internal ulong PublisherFor(ulong asked) => asked != 0 ? asked : Interlocked.Increment(ref _lastPublisher);

    /// <summary>Gives a run to every matching subscription.</summary>
    internal uint Route(
        ulong publisher, ulong number, string topic, List<byte[]> payloads, bool retain, ReadOnlySpan<byte> properties)
    {
        uint local = 0;
        lock (_gate)
        {
            for (var i = 0; i < payloads.Count; i++)
            {
                Taken.Enqueue((publisher, number + (ulong)i, topic, payloads[i]));
            }

            if (retain)
            {
                _retained[topic] = payloads[^1];
            }

            foreach (var session in _sessions.Keys)
            {
                local += session.Deliver(publisher, number, topic, payloads, properties, retained: false);
            }
        }

        return local;
    }

    internal void DeliverRetained(ScriptedSession session, uint subscription, TopicFilter[] filters)
    {
        lock (_gate)
        {
            foreach (var (topic, payload) in _retained)
            {
                if (Array.Exists(filters, f => f.Matches(System.Text.Encoding.UTF8.GetBytes(topic))))
                {
                    session.DeliverTo(subscription, 7, 1, topic, [payload], default, retained: true);
                }
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener!.Dispose();
        await _accepting;
        CutAll();
        Directory.Delete(_folder, recursive: true);
        _stop.Dispose();
        Assert.Empty(Failures);
    }

    private async Task AcceptAsync(Socket listener)
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = await listener.AcceptAsync();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }

            if (Conversation is { } conversation)
            {
                _ = TalkAsync(conversation, socket);
                continue;
            }

            var session = new ScriptedSession(this, socket);
            Accepted.Enqueue(session);
            session.Start();
        }
    }

    private static async Task TalkAsync(Func<NetworkStream, Task> conversation, Socket socket)
    {
        await using var stream = new NetworkStream(socket, ownsSocket: true);
        try
        {
            await conversation(stream);
        }
        catch (IOException)
        {
            // The client left first.
        }
    }
}
