using System.Diagnostics;

namespace NexusD.Quic.Tests.Support;

/// <summary>
/// A handler that writes down what it is told and lets a test wait for a state. Called on the loop's thread, read on
/// the test's.
/// </summary>
internal sealed class Recorder : IQuicConnectionHandler
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    private readonly object _gate = new();
    private readonly List<string> _violations = [];
    private bool _inside;

    /// <summary>Return credit as data arrives. Off: the test does it.</summary>
    public bool AutoConsume { get; set; } = true;

    /// <summary>Keep the bytes of each stream.</summary>
    public bool KeepBytes { get; set; } = true;

    public Action<IQuicConnection>? WhenConnected { get; set; }

    public Action<IQuicConnection, long, byte[], bool>? WhenData { get; set; }

    public Action<IQuicConnection>? WhenProgress { get; set; }

    public IQuicConnection? Connection { get; private set; }

    public bool IsConnected { get; private set; }

    public QuicCloseInfo? Closed { get; private set; }

    public Dictionary<long, MemoryStream> Streams { get; } = [];

    public Dictionary<long, bool> Unidirectional { get; } = [];

    public HashSet<long> Ended { get; } = [];

    public List<(long Stream, bool SendingSide, ulong Code)> Aborted { get; } = [];

    public long BytesReceived { get; private set; }

    public int ProgressCalls { get; private set; }

    public IReadOnlyList<string> Violations => _violations;

    /// <summary>Waits until the condition holds, or fails with what is the case instead.</summary>
    public void Wait(Func<Recorder, bool> condition, string what)
    {
        long start = Stopwatch.GetTimestamp();
        lock (_gate)
        {
            while (!condition(this))
            {
                TimeSpan left = _patience - Stopwatch.GetElapsedTime(start);
                if (left <= TimeSpan.Zero || !Monitor.Wait(_gate, left))
                {
                    throw new TimeoutException($"Waited in vain for: {what}. Now: {Describe()}");
                }
            }
        }
    }

    public QuicCloseInfo WaitClosed()
    {
        Wait(r => r.Closed is not null, "the connection to end");
        return Closed!.Value;
    }

    public T Read<T>(Func<Recorder, T> read)
    {
        lock (_gate)
        {
            return read(this);
        }
    }

    public void OnConnected(IQuicConnection connection) => Note("OnConnected", () =>
    {
        Connection = connection;
        IsConnected = true;
        WhenConnected?.Invoke(connection);
    });

    public void OnStreamOpened(IQuicConnection connection, long stream, bool unidirectional) =>
        Note("OnStreamOpened", () => Unidirectional[stream] = unidirectional);

    public void OnStreamData(IQuicConnection connection, long stream, ReadOnlySpan<byte> data, bool end)
    {
        byte[] copy = KeepBytes || WhenData is not null ? data.ToArray() : [];
        int length = data.Length;
        Note("OnStreamData", () =>
        {
            BytesReceived += length;
            if (KeepBytes)
            {
                if (!Streams.TryGetValue(stream, out MemoryStream? bytes))
                {
                    Streams[stream] = bytes = new MemoryStream();
                }

                bytes.Write(copy);
            }

            if (end && !Ended.Add(stream))
            {
                _violations.Add($"the end of stream {stream} was told twice");
            }

            if (AutoConsume)
            {
                connection.Consume(stream, length);
            }

            WhenData?.Invoke(connection, stream, copy, end);
        });
    }

    public void OnStreamAborted(IQuicConnection connection, long stream, bool sendingSide, ulong errorCode) =>
        Note("OnStreamAborted", () => Aborted.Add((stream, sendingSide, errorCode)));

    public void OnSendProgress(IQuicConnection connection) => Note("OnSendProgress", () =>
    {
        ProgressCalls++;
        WhenProgress?.Invoke(connection);
    });

    public void OnClosed(IQuicConnection connection, QuicCloseInfo info) =>
        Note("OnClosed", () => Closed = info, connection);

    private void Note(string call, Action what, IQuicConnection? connection = null)
    {
        lock (_gate)
        {
            Connection ??= connection;
            if (_inside)
            {
                _violations.Add($"{call} came inside another call");
            }

            if (Closed is not null)
            {
                _violations.Add($"{call} came after OnClosed");
            }

            _inside = true;
            try
            {
                what();
            }
            finally
            {
                _inside = false;
                Monitor.PulseAll(_gate);
            }
        }
    }

    private string Describe() =>
        $"connected {IsConnected}, closed {Closed?.ToString() ?? "no"}, {BytesReceived} bytes, " +
        $"streams [{string.Join(' ', Unidirectional.Keys)}], ended [{string.Join(' ', Ended)}], " +
        $"aborted [{string.Join(' ', Aborted)}], violations [{string.Join("; ", _violations)}]";
}
