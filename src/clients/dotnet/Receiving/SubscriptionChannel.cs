using System.Text;
using NexusD.Protocol;
using NexusD.Protocol.App;
using NexusD.Protocol.Topics;

namespace NexusdClient.Receiving;

/// <summary>
/// One open subscription on its way from the daemon to the application. Kept over reconnects, when it is asked for
/// again.
/// </summary>
internal abstract partial class SubscriptionChannel
{
    private readonly byte[] _encodedFilters;
    private readonly ReceivedNumbers _received = new();
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    protected SubscriptionChannel(ISubscriptionOwner owner, string[] filters, SubscribeOptions options)
    {
        Owner = owner;
        Filters = filters;
        Options = options;
        _token = options.TokenBytes;
        _encodedFilters = Encode(filters);
    }

    /// <summary>Set when it is opened; not 0.</summary>
    internal uint Id { get; set; }

    internal string[] Filters { get; }

    /// <summary>Done when the daemon has confirmed the subscription for the first time.</summary>
    internal Task Ready => _ready.Task;

    /// <summary>Grows with each SUBSCRIBE: credit that was meant for an earlier connection is not sent.</summary>
    internal int Epoch { get; private set; }

    protected ISubscriptionOwner Owner { get; }

    protected SubscribeOptions Options { get; }

    /// <summary>Takes a DELIVER frame on the reading thread.</summary>
    /// <returns>The number of events; -1 when the frame breaks the layout.</returns>
    internal abstract int Deliver(ReadOnlySpan<byte> frame, in DeliverFrame deliver, InboundTopic topic, string node);

    /// <summary>Takes note of what was delivered, to go on there after a reconnect.</summary>
    internal void Note(in DeliverFrame deliver, int count)
    {
        _runs++;
        if (Options.ResumeAfterReconnect)
        {
            _received.Note(in deliver, count);
        }
    }

    /// <summary>All that was read at once has been delivered.</summary>
    internal virtual void EndOfRead()
    {
    }

    /// <summary>Nothing follows; with an error the application is told.</summary>
    internal virtual void Complete(Exception? error)
    {
        if (error is null)
        {
            _ready.TrySetException(new ClosedException("The subscription was closed before the daemon confirmed it."));
        }
        else
        {
            _ready.TrySetException(error);
        }

        // Nobody has to look at it.
        _ = _ready.Task.Exception;
        EndPauses(error);
    }

    /// <summary>Begins a connection: what was meant for the one before is not sent.</summary>
    /// <returns>Bytes that may come before the first CREDIT; 0: no limit but the socket's.</returns>
    protected abstract uint BeginConnection();

    protected void NextEpoch() => Epoch++;

    /// <summary>Writes the SUBSCRIBE frame.</summary>
    internal byte[] SubscribeBytes()
    {
        byte[] resume = [];
        if (!_ready.Task.IsCompletedSuccessfully)
        {
            _received.Begin(DateTimeOffset.UtcNow);
        }
        else if (Options.ResumeAfterReconnect)
        {
            resume = _received.Encode();
        }

        var frame = new SubscribeFrame
        {
            NoRetained = !Options.ReceiveRetained,
            Subscription = Id,
            Credit = BeginConnection(),
            QueueEvents = (uint)Options.QueueEvents,
            QueueBytes = (uint)Options.QueueBytes,
            Overflow = Options.Overflow,
            BlockTimeoutMs = Options.BlockTimeout is { } timeout ? (uint)timeout.TotalMilliseconds : null,
            Strategy = Options.Strategy,
            Resume = resume,
            KeepMs = Options.KeepFor is { } keep ? (uint)keep.TotalMilliseconds : null,
            KeepToken = _token,
            Position = _isPositionKnown ? new StreamPosition(_runs, _gaps) : null,
            Filters = _encodedFilters,
        };
        var bytes = new byte[frame.FrameBytes];
        frame.Write(bytes);
        return [.. bytes, .. PauseAgainBytes()];
    }

    /// <summary>Tells a bad filter to the caller, before anything is asked of the daemon.</summary>
    internal static void CheckFilters(string[] filters) => Encode(filters);

    private static byte[] Encode(string[] filters)
    {
        if (filters.Length is 0 or > ProtocolLimits.MaxFiltersPerSubscription)
        {
            throw new SubscribeException(
                ErrorCode.OverLimit,
                $"A subscription has 1 to {ProtocolLimits.MaxFiltersPerSubscription} filters, not {filters.Length}.");
        }

        var encoded = new List<byte>();
        foreach (var filter in filters)
        {
            ArgumentNullException.ThrowIfNull(filter);
            var utf8 = Encoding.UTF8.GetBytes(filter);
            var error = GroupFilter.IsGroup(utf8)
                ? GroupFilter.TryParse(utf8, out _)
                : TopicFilter.TryParse(utf8, out _);
            if (error != TopicError.None)
            {
                throw new SubscribeException(
                    ErrorCode.BadFilter, $"Cannot subscribe to '{filter}': {error.Describe()}");
            }

            var room = new byte[FilterListReader.Size(utf8.Length)];
            FilterListReader.Write(room, utf8);
            encoded.AddRange(room);
        }

        return [.. encoded];
    }
}
