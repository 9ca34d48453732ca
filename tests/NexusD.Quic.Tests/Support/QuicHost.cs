using System.Net;
using System.Runtime.ExceptionServices;
using NexusD.Buffers;
using NexusD.Loops;

namespace NexusD.Quic.Tests.Support;

/// <summary>
/// An endpoint on a loop with a thread of its own. Disposing checks that no handler failed and every slab came back.
/// </summary>
internal sealed class QuicHost : IDisposable
{
    private readonly EventLoop _loop;
    private readonly Thread _thread;
    private readonly List<Exception> _faults = [];
    private readonly List<Recorder> _recorders = [];

    public QuicHost(
        QuicEngineKind kind, Func<QuicEndpointOptions, QuicEndpointOptions>? adjust = null, bool accepts = true)
    {
        _loop = new EventLoop(e =>
        {
            lock (_faults)
            {
                _faults.Add(e);
            }
        });
        QuicEndpointOptions options = Options(accepts ? AcceptNext : null);
        Endpoint = QuicEndpoint.Create(kind, _loop, adjust?.Invoke(options) ?? options);
        _thread = _loop.StartThread("quic test");
    }

    public SlabPool Pool { get; } = new();

    public IQuicEndpoint Endpoint { get; }

    public IPEndPoint Address => Endpoint.LocalEndPoint;

    /// <summary>Gives each incoming connection its handler; null refuses.</summary>
    public Func<IQuicConnection, IQuicConnectionHandler?> Accepting { get; set; } = _ => new Recorder();

    /// <summary>What the loop reported so far.</summary>
    public IReadOnlyList<Exception> Faults
    {
        get
        {
            lock (_faults)
            {
                return [.. _faults];
            }
        }
    }

    /// <summary>Faults that a test caused on purpose; otherwise Dispose fails on any.</summary>
    public bool FaultsExpected { get; set; }

    public IReadOnlyList<Recorder> Accepted
    {
        get
        {
            lock (_recorders)
            {
                return [.. _recorders];
            }
        }
    }

    public QuicEndpointOptions Options(Func<IQuicConnection, IQuicConnectionHandler?>? accept) => new()
    {
        Bind = new IPEndPoint(IPAddress.Loopback, 0),
        Credentials = TestCertificates.Node,
        Alpn = "test/1",
        Accept = accept,
        Pool = Pool,
    };

    /// <summary>Runs on the loop's thread and waits.</summary>
    public T Do<T>(Func<T> work)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        _loop.Post(() =>
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
        if (!done.Task.Wait(TimeSpan.FromSeconds(20)))
        {
            throw new TimeoutException("The loop does not answer.");
        }

        return done.Task.Result;
    }

    public void Do(Action work)
    {
        try
        {
            Do(() =>
            {
                work();
                return true;
            });
        }
        catch (AggregateException e) when (e.InnerException is not null)
        {
            ExceptionDispatchInfo.Throw(e.InnerException);
        }
    }

    public IQuicConnection Connect(IPEndPoint remote, Recorder handler, string? serverName = null) =>
        Do(() => Endpoint.Connect(new QuicConnectOptions { Remote = remote, ServerName = serverName }, handler));

    /// <summary>The first incoming connection's handler, once it is connected.</summary>
    public Recorder WaitAccepted(int index = 0)
    {
        if (!SpinWait.SpinUntil(() => Accepted.Count > index, TimeSpan.FromSeconds(20)))
        {
            throw new TimeoutException("No connection came in.");
        }

        Recorder recorder = Accepted[index];
        recorder.Wait(r => r.IsConnected, "the server's side to be connected");
        return recorder;
    }

    /// <summary>Writes bytes to a stream in slabs of the host's pool.</summary>
    public void Write(IQuicConnection connection, long stream, ReadOnlyMemory<byte> data, bool finish = false) =>
        Do(() => WriteHere(connection, stream, data, finish));

    /// <summary>The same for code that is on the loop already.</summary>
    public void WriteHere(IQuicConnection connection, long stream, ReadOnlyMemory<byte> data, bool finish = false)
    {
        for (int at = 0; at < data.Length; at += SlabPool.StandardBytes)
        {
            ReadOnlySpan<byte> part = data.Span.Slice(at, Math.Min(SlabPool.StandardBytes, data.Length - at));
            Slab slab = Pool.Rent();
            part.CopyTo(slab.Span);
            connection.Write(stream, slab, 0, part.Length);
        }

        if (finish)
        {
            connection.FinishWriting(stream);
        }
    }

    public QuicEndpointStatistics Statistics => Do(Endpoint.GetStatistics);

    public void Dispose()
    {
        Do(Endpoint.Dispose);
        _loop.Stop();
        _thread.Join();
        _loop.Dispose();
        lock (_faults)
        {
            if (_faults.Count > 0 && !FaultsExpected)
            {
                throw new AggregateException("A handler or the engine failed on the loop.", _faults);
            }
        }

        if (Pool.RentedBytes != 0)
        {
            throw new InvalidOperationException($"{Pool.RentedBytes} bytes of slabs never came back to the pool.");
        }

        foreach (Recorder recorder in Accepted)
        {
            if (recorder.Violations.Count > 0)
            {
                throw new InvalidOperationException(string.Join("; ", recorder.Violations));
            }
        }

        Pool.Trim();
    }

    private IQuicConnectionHandler? AcceptNext(IQuicConnection connection)
    {
        IQuicConnectionHandler? handler = Accepting(connection);
        if (handler is Recorder recorder)
        {
            lock (_recorders)
            {
                _recorders.Add(recorder);
            }
        }

        return handler;
    }
}
