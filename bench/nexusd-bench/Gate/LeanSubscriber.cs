using System.Text;
using NexusD.Protocol;
using NexusD.Protocol.App;
using NexusD.Protocol.Frames;
using NexusdClient;

namespace NexusdBench.Gate;

/// <summary>Subscribes and reads 1 MiB at a time.</summary>
internal sealed class LeanSubscriber : IDisposable
{
    private const int ReceiveBytes = 1 << 20;
    private const int SendBytes = 64 * 1024;
    private const int PollMilliseconds = 50;

    // The state of the run is looked at when the counter stands at a multiple of it, or when nothing comes.
    private const int LookEvery = 64;

    private readonly LeanConnection _connection;
    private readonly GateCounter? _counter;
    private int _subscribed;
    private ulong _dropped;

    /// <param name="url">Where the daemon is.</param>
    /// <param name="maxFrameBytes">Longest frame that will come.</param>
    /// <param name="counter">Takes the payloads; null: they are not looked at.</param>
    internal LeanSubscriber(string url, int maxFrameBytes, GateCounter? counter)
    {
        _counter = counter;
        var receive = counter is null ? ProtocolLimits.MinMaxFrameBytes : ReceiveBytes;
        _connection = new LeanConnection(url, Math.Max(receive, maxFrameBytes));
    }

    /// <summary>Events that the daemon says it dropped.</summary>
    internal ulong Dropped => _dropped;

    /// <summary>Opens one subscription for each filter and waits until the daemon has them all.</summary>
    /// <exception cref="NexusdException">One was refused, or the daemon did not answer in time.</exception>
    internal void Subscribe(IEnumerable<string> filters, long giveUp)
    {
        var bytes = GC.AllocateUninitializedArray<byte>(SendBytes, pinned: true);
        var list = new byte[FilterListReader.Size(ProtocolLimits.MaxTopicBytes)];
        var end = 0;
        var asked = 0;
        foreach (var filter in filters)
        {
            var listed = FilterListReader.Write(list, Encoding.UTF8.GetBytes(filter));
            var frame = new SubscribeFrame { Subscription = (uint)++asked, Filters = list.AsSpan(0, listed) };
            if (end + frame.FrameBytes > bytes.Length)
            {
                _connection.SendAll(bytes, end);
                end = 0;
            }

            end += frame.Write(bytes.AsSpan(end));
        }

        _connection.SendAll(bytes, end);
        while (_subscribed < asked)
        {
            if (Clock.Now > giveUp)
            {
                throw new NexusdException($"Only {_subscribed} of {asked} subscriptions were made in time.");
            }

            _connection.Fill(PollMilliseconds);
            Read();
        }
    }

    /// <summary>Reads until the run is over.</summary>
    internal void Run()
    {
        Read();
        do
        {
            while (_connection.Fill(PollMilliseconds))
            {
                Read();
                if (_counter!.Received % LookEvery == 0)
                {
                    break;
                }
            }
        }
        while (!_counter!.IsOver());
    }

    /// <summary>Never reads again; what the daemon sends stays in the socket.</summary>
    internal void StopReading() => _connection.StopReading();

    public void Dispose() => _connection.Dispose();

    private void Read()
    {
        while (_connection.TryCut(out var header, out var frame))
        {
            if (header.Kind == FrameKind.Deliver)
            {
                ReadRun(frame);
            }
            else
            {
                ReadOther(header, frame);
            }

            _connection.Use(frame.Length);
        }
    }

    private void ReadRun(ReadOnlySpan<byte> frame)
    {
        if (DeliverFrame.TryRead(frame, out var deliver) != ErrorCode.None)
        {
            throw new NexusdException("The daemon sent a malformed DELIVER frame.");
        }

        if (_counter is not { } counter)
        {
            return;
        }

        var run = new RunReader(deliver.Body);
        while (run.TryRead(out var payload))
        {
            counter.See(payload);
        }
    }

    private void ReadOther(FrameHeader header, ReadOnlySpan<byte> frame)
    {
        if (header.Kind == FrameKind.Subscribed && SubscribedFrame.TryRead(frame, out var answer) == ErrorCode.None)
        {
            _subscribed += answer.Code == ErrorCode.None
                ? 1
                : throw new NexusdException($"The daemon refused: {Encoding.UTF8.GetString(answer.Text)}");
        }
        else if (header.Kind == FrameKind.Gap && GapFrame.TryRead(frame, out var gap) == ErrorCode.None)
        {
            _dropped += gap.Count;
        }
    }
}
