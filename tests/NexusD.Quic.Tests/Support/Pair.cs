namespace NexusD.Quic.Tests.Support;

/// <summary>A client connected to a server, each on its own loop.</summary>
internal sealed class Pair : IDisposable
{
    public Pair(
        QuicEngineKind kind,
        Func<QuicEndpointOptions, QuicEndpointOptions>? adjust = null,
        Func<Recorder>? serverSide = null,
        QuicEngineKind? clientKind = null)
    {
        Server = new QuicHost(kind, adjust) { Accepting = _ => serverSide?.Invoke() ?? new Recorder() };
        try
        {
            Client = new QuicHost(clientKind ?? kind, adjust, accepts: false);
            Connection = Client.Connect(Server.Address, ClientSide);
            ClientSide.Wait(r => r.IsConnected, "the client to be connected");
            ServerSide = Server.WaitAccepted();
        }
        catch
        {
            Client?.Dispose();
            Server.Dispose();
            throw;
        }
    }

    public QuicHost Server { get; }

    public QuicHost Client { get; }

    public Recorder ClientSide { get; } = new();

    public Recorder ServerSide { get; }

    /// <summary>The client's end.</summary>
    public IQuicConnection Connection { get; }

    public long Open(bool unidirectional)
    {
        long stream = Client.Do(() => Connection.OpenStream(unidirectional));
        return stream >= 0 ? stream : throw new InvalidOperationException("No stream to be had.");
    }

    public void Dispose()
    {
        Client.Dispose();
        Server.Dispose();
        if (ClientSide.Violations.Count > 0)
        {
            throw new InvalidOperationException(string.Join("; ", ClientSide.Violations));
        }
    }
}
