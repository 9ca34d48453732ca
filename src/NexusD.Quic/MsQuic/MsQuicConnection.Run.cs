using System.Net;
using System.Net.Quic;
using System.Threading.Channels;

namespace NexusD.Quic.MsQuic;

/// <summary>
/// The part on the thread pool: connects or takes over, accepts and opens streams, and closes. It tells the loop what
/// happened by events, and tells the end only when every task of the connection is over and every slab is back.
/// </summary>
internal sealed partial class MsQuicConnection
{
    private readonly Channel<(MsQuicStream Stream, bool Unidirectional)> _toOpen =
        Channel.CreateUnbounded<(MsQuicStream, bool)>(new UnboundedChannelOptions { SingleReader = true });

    private readonly CancellationTokenSource _stop = new();
    private readonly List<MsQuicStream> _tracked = [];
    private volatile QuicConnection? _native;
    private volatile string? _complaint;
    private QuicCloseInfo? _asked;

    /// <summary>A connection to dial.</summary>
    public MsQuicConnection(MsQuicEndpoint endpoint, IPEndPoint remote, IQuicConnectionHandler handler)
    {
        Endpoint = endpoint;
        RemoteEndPoint = remote;
        Credit = new ReceiveCredit(endpoint.Options.ConnectionWindowBytes);
        _handler = handler;
    }

    /// <summary>A connection whose handshake is coming in.</summary>
    public MsQuicConnection(MsQuicEndpoint endpoint)
    {
        Endpoint = endpoint;
        RemoteEndPoint = new IPEndPoint(IPAddress.None, 0);
        Credit = new ReceiveCredit(endpoint.Options.ConnectionWindowBytes);
        _isServer = true;
    }

    /// <summary>What our check had against the peer's certificate.</summary>
    public string? Complaint => _complaint;

    /// <summary>Ends after the Closed event was queued.</summary>
    public Task Finished { get; private set; } = Task.CompletedTask;

    /// <summary>Keeps why a certificate was refused.</summary>
    public void Complain(string reason) => _complaint = reason;

    /// <summary>Told by msquic when the peer allows more streams.</summary>
    public void OnCapacity(QuicConnection native, QuicStreamCapacityChangedArgs more)
    {
        if (more.BidirectionalIncrement > 0)
        {
            Endpoint.Enqueue(
                new MsQuicEvent(MsQuicEventKind.MoreStreams, this, Length: more.BidirectionalIncrement, End: false));
        }

        if (more.UnidirectionalIncrement > 0)
        {
            Endpoint.Enqueue(
                new MsQuicEvent(MsQuicEventKind.MoreStreams, this, Length: more.UnidirectionalIncrement, End: true));
        }
    }

    /// <summary>Dials.</summary>
    public void Start(QuicClientConnectionOptions options) => Finished = Task.Run(async () =>
    {
        Exception cause;
        try
        {
            _native = await QuicConnection.ConnectAsync(options, _stop.Token).ConfigureAwait(false);
            cause = await ServeAsync(_native).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            cause = e;
        }

        await EndAsync(cause).ConfigureAwait(false);
    });

    /// <summary>Takes over a connection that came in.</summary>
    public void Start(QuicConnection native) => Finished = Task.Run(async () =>
    {
        _native = native;
        Exception cause = await ServeAsync(native).ConfigureAwait(false);
        await EndAsync(cause).ConfigureAwait(false);
    });

    /// <summary>Ends without being asked by the user: the endpoint goes.</summary>
    public void Abandon()
    {
        if (_state < State.Closing)
        {
            Close(0, "the endpoint was shut down");
        }
    }

    private void RequestClose(QuicCloseInfo info)
    {
        _asked = info;
        _stop.CancelAsync(); // its continuations must not run here, on the loop
    }

    private void RequestOpen(MsQuicStream stream, bool unidirectional) =>
        _toOpen.Writer.TryWrite((stream, unidirectional));

    private void Track(MsQuicStream stream)
    {
        lock (_tracked)
        {
            _tracked.RemoveAll(static s => s.Finished.IsCompleted);
            _tracked.Add(stream);
        }
    }

    /// <summary>Runs until the connection is over; returns why.</summary>
    private async Task<Exception> ServeAsync(QuicConnection native)
    {
        Endpoint.Enqueue(new MsQuicEvent(MsQuicEventKind.Connected, this));
        Task opening = Task.Run(() => OpenAsync(native));
        try
        {
            while (true)
            {
                QuicStream stream = await native.AcceptInboundStreamAsync(_stop.Token).ConfigureAwait(false);
                var accepted = new MsQuicStream(this, stream.Id, canRead: true, canWrite: stream.CanWrite);
                Track(accepted);
                Endpoint.Enqueue(new MsQuicEvent(MsQuicEventKind.StreamOpened, this, accepted));
                accepted.Start(stream);
            }
        }
        catch (Exception e)
        {
            _toOpen.Writer.TryComplete();
            await _stop.CancelAsync().ConfigureAwait(false);
            await opening.ConfigureAwait(false);
            return e;
        }
    }

    private async Task OpenAsync(QuicConnection native)
    {
        await foreach ((MsQuicStream wanted, bool unidirectional) in
            _toOpen.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
        {
            try
            {
                QuicStreamType type = unidirectional ? QuicStreamType.Unidirectional : QuicStreamType.Bidirectional;
                QuicStream stream = await native.OpenOutboundStreamAsync(type, _stop.Token).ConfigureAwait(false);
                if (stream.Id != wanted.Id)
                {
                    throw new InvalidOperationException($"msquic opened stream {stream.Id} where {wanted.Id} was due.");
                }

                wanted.Start(stream);
            }
            catch (Exception e) when (e is QuicException or OperationCanceledException or ObjectDisposedException)
            {
                wanted.Abandon();
            }
        }
    }

    private async Task EndAsync(Exception cause)
    {
        QuicCloseInfo info = _asked ?? CloseMapping.Map(cause, _complaint);
        _toOpen.Writer.TryComplete();
        while (_toOpen.Reader.TryRead(out (MsQuicStream Stream, bool Unidirectional) left))
        {
            left.Stream.Abandon();
        }

        if (_native is { } native)
        {
            try
            {
                if (_asked is { } asked)
                {
                    await native.CloseAsync((long)asked.ErrorCode).ConfigureAwait(false);
                }
            }
            catch (QuicException)
            {
                // It was over already.
            }

            await native.DisposeAsync().ConfigureAwait(false);
        }

        Credit.Close();
        MsQuicStream[] streams;
        lock (_tracked)
        {
            streams = [.. _tracked];
        }

        foreach (MsQuicStream stream in streams)
        {
            stream.Abandon();
            await stream.Finished.ConfigureAwait(false);
        }

        Endpoint.Enqueue(new MsQuicEvent(MsQuicEventKind.Closed, this, Info: info));
    }
}
