using System.Collections.Concurrent;
using System.Text;
using NexusD.Protocol;
using NexusD.Protocol.App;
using NexusdClient.Publishing;
using NexusdClient.Receiving;

namespace NexusdClient.Connections;

/// <summary>
/// Subscriptions and queries: what is open with the daemon, and is asked for again after a reconnect.
/// </summary>
internal sealed partial class ClientSession : ISubscriptionOwner
{
    private readonly ConcurrentDictionary<uint, SubscriptionChannel> _channels = new();
    private readonly Dictionary<uint, PendingQuery> _queries = [];
    private uint _lastId;

    public void Open(SubscriptionChannel channel)
    {
        EnsureStarted();
        lock (Outbox.Gate)
        {
            ThrowIfClosing();
            channel.Id = ++_lastId;
            _channels[channel.Id] = channel;
            if (Outbox.IsConnected)
            {
                Outbox.SendControl(channel.SubscribeBytes());
            }
        }
    }

    public void Close(SubscriptionChannel channel)
    {
        if (!_channels.TryRemove(channel.Id, out _))
        {
            return;
        }

        var goesOn = channel.IsPaused; // then it waits for its successor
        channel.Complete(null);
        if (goesOn)
        {
            return;
        }

        Span<byte> frame = stackalloc byte[UnsubscribeFrame.FrameBytes];
        new UnsubscribeFrame(channel.Id).Write(frame);
        lock (Outbox.Gate)
        {
            Outbox.SendControl(frame);
        }
    }

    public void Grant(SubscriptionChannel channel, int epoch, int bytes)
    {
        Span<byte> frame = stackalloc byte[CreditFrame.FrameBytes];
        new CreditFrame(channel.Id, (uint)bytes).Write(frame);
        lock (Outbox.Gate)
        {
            if (channel.Epoch == epoch)
            {
                Outbox.SendControl(frame);
            }
        }
    }

    public Task Pause(SubscriptionChannel channel, uint milliseconds)
    {
        lock (Outbox.Gate)
        {
            if (!_channels.ContainsKey(channel.Id))
            {
                throw new ClosedException("The subscription was closed.");
            }

            var (frame, answer) = channel.BeginPause(milliseconds, Outbox.IsConnected);
            if (Outbox.IsConnected)
            {
                Outbox.SendControl(frame);
            }

            return answer;
        }
    }

    public void ReportHandlerFailure(Exception error)
    {
        try
        {
            _options.HandlerFailed?.Invoke(error);
        }
#pragma warning disable CA1031 // The last resort of the application failed as well; the connection goes on.
        catch (Exception)
#pragma warning restore CA1031
        {
        }
    }

    internal async Task<string> QueryAsync(string query, CancellationToken cancellation)
    {
        EnsureStarted();
        var text = Encoding.UTF8.GetBytes(query);
        if (!WireText.IsValid(text, 1, ProtocolLimits.MaxQueryBytes))
        {
            throw new QueryException(ErrorCode.UnknownQuery, $"A query has 1 to {ProtocolLimits.MaxQueryBytes} bytes.");
        }

        var pending = new PendingQuery(text);
        uint id;
        lock (Outbox.Gate)
        {
            ThrowIfClosing();
            id = ++_lastId;
            _queries.Add(id, pending);
            Outbox.SendControl(pending.Bytes(id));
        }

        try
        {
            return await pending.Answer.Task.WaitAsync(cancellation);
        }
        finally
        {
            lock (Outbox.Gate)
            {
                _queries.Remove(id);
            }
        }
    }

    private ConnectionException? OnResult(ReadOnlySpan<byte> frame)
    {
        if (ResultFrame.TryRead(frame, out var result) != ErrorCode.None)
        {
            return LostStep("RESULT");
        }

        PendingQuery? pending;
        lock (Outbox.Gate)
        {
            _queries.TryGetValue(result.Request, out pending);
        }

        var text = Encoding.UTF8.GetString(result.Text);
        if (result.Code == ErrorCode.None)
        {
            pending?.Answer.TrySetResult(text);
        }
        else
        {
            pending?.Answer.TrySetException(new QueryException(
                result.Code, text.Length > 0 ? text : $"The daemon refused the query: {result.Code.ToWireName()}."));
        }

        return null;
    }

    /// <summary>Called with the gate held when a connection is there.</summary>
    private void WriteOpenRequests(ByteQueue control)
    {
        foreach (var channel in _channels.Values)
        {
            var bytes = channel.SubscribeBytes();
            bytes.CopyTo(control.Reserve(bytes.Length));
        }

        foreach (var (id, query) in _queries)
        {
            var bytes = query.Bytes(id);
            bytes.CopyTo(control.Reserve(bytes.Length));
        }
    }

    private void CloseRequests(Exception error)
    {
        foreach (var channel in _channels.Values)
        {
            _channels.TryRemove(channel.Id, out _);
            channel.Complete(null);
        }

        lock (Outbox.Gate)
        {
            foreach (var query in _queries.Values)
            {
                query.Answer.TrySetException(error);
            }
        }
    }

    private sealed class PendingQuery(byte[] text)
    {
        internal TaskCompletionSource<string> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        internal byte[] Bytes(uint id)
        {
            var frame = new QueryFrame(id, text);
            var bytes = new byte[frame.FrameBytes];
            frame.Write(bytes);
            return bytes;
        }
    }
}
