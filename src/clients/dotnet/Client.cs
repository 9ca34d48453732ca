// tidy: allow blocking-call - IDisposable.Dispose has to wait; DisposeAsync is there for everybody else.
using NexusdClient.Connections;
using NexusdClient.Requests;

namespace NexusdClient;

/// <summary>
/// A connection to the nexusd daemon beside this process. Making one does no I/O: it connects when it is first used,
/// and again by itself whenever the connection is lost, with everything that was open. Safe to use from many threads;
/// one client per process is the usual number.
/// </summary>
/// <remarks>
/// This library turns calls into frames of docs/protocol/app-v1.md and back. It sees NexusD.Protocol and sockets,
/// nothing of the daemon. Folders: Connections (one connection after the other), Publishing (what goes out), Receiving
/// (what comes in), Requests (requests and replies on top of both).
/// </remarks>
public partial class Client : IAsyncDisposable, IDisposable
{
    private readonly ClientSession _session;
    private readonly ClientOptions _options;

    /// <summary>Makes a client. Does no I/O and does not fail when the daemon is down.</summary>
    /// <param name="address">
    /// <c>host:port</c>, <c>[::1]:port</c>, <c>unix:/path</c> or <c>/path</c>, or several of these with commas, of
    /// which the first that answers is used; null: the environment variable
    /// NEXUSD_ADDR, else the socket <c>/run/nexusd/nexusd.sock</c> if there is one, else <c>localhost:5672</c>.
    /// </param>
    /// <param name="options">Time-outs, buffers, name; null: the defaults.</param>
    /// <exception cref="ArgumentException">The address or an option makes no sense.</exception>
    public Client(string? address = null, ClientOptions? options = null)
    {
        _options = options ?? ClientOptions.Default;
        _options.Check();
        _session = new ClientSession(this, ServerAddress.Parse(address), _options);
        _requester = new Requester(this);
    }

    /// <summary>
    /// Tells each step between connected and not. Called on the client's reading thread; must return quickly.
    /// </summary>
    public event EventHandler<ConnectionStateChange>? StateChanged
    {
        add => _session.StateChanged += value;
        remove => _session.StateChanged -= value;
    }

    /// <summary>
    /// Tells of events that a subscription lost, when the daemon says so: queues of slow readers may still hold older
    /// events then. Called on the client's reading thread; must return quickly.
    /// </summary>
    public event EventHandler<EventGap>? Gap
    {
        add => _session.Gap += value;
        remove => _session.Gap -= value;
    }

    /// <summary>
    /// Tells, in sums and some time later, that events of this client were dropped on their way to subscribers. Called
    /// on the client's reading thread; must return quickly.
    /// </summary>
    public event EventHandler<PublishLoss>? PublishLoss
    {
        add => _session.PublishLoss += value;
        remove => _session.PublishLoss -= value;
    }

    /// <summary>
    /// Tells what the daemon says on its own account: a refused fire-and-forget publish, or that it is leaving. Called
    /// on the client's reading thread; must return quickly.
    /// </summary>
    public event EventHandler<ServerNotice>? ServerNotice
    {
        add => _session.ServerNotice += value;
        remove => _session.ServerNotice -= value;
    }

    /// <summary>Where the client stands with its daemon.</summary>
    public ConnectionState State => _session.State;

    /// <summary>Who the daemon said it is; null before the first connection.</summary>
    public DaemonInfo? Daemon => _session.Daemon;

    /// <summary>The address in use, as it would be tried now.</summary>
    public string Address => _session.Address.ToString();

    /// <summary>Counters since the client was made.</summary>
    public ClientStatistics GetStatistics() => _session.GetStatistics();

    /// <summary>Waits until the daemon has answered, however long that takes.</summary>
    /// <exception cref="ConnectionException">
    /// Waiting will not help: another program is there, or the daemon does not let us in.
    /// </exception>
    public Task WaitReadyAsync(CancellationToken cancellationToken = default) =>
        WaitReadyAsync(Timeout.InfiniteTimeSpan, cancellationToken);

    /// <summary>Waits until the daemon has answered.</summary>
    /// <param name="timeout">How long at most.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ConnectionException">It did not in time, or never will; the text says why.</exception>
    public Task WaitReadyAsync(TimeSpan timeout, CancellationToken cancellationToken = default) =>
        _session.WaitReadyAsync(timeout, cancellationToken);

    /// <summary>Asks the daemon about itself.</summary>
    /// <param name="query"><c>status</c>, <c>peers</c>, <c>topics</c> or <c>clients</c>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A JSON document.</returns>
    /// <exception cref="QueryException">The daemon knows no such query.</exception>
    public Task<string> QueryAsync(string query, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(query);
        return _session.QueryAsync(query, cancellationToken);
    }

    /// <summary>
    /// Sends what is buffered (for at most <see cref="ClientOptions.CloseTimeout"/>) and ends the client.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        await _session.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>As <see cref="DisposeAsync"/>, blocking.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Ends the client.</summary>
    /// <param name="disposing">False in a finalizer, of which there is none.</param>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
        {
            Task.Run(() => _session.DisposeAsync().AsTask()).GetAwaiter().GetResult();
        }
    }
}
