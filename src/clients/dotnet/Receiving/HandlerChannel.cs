using NexusD.Protocol;
using NexusD.Protocol.App;

namespace NexusdClient.Receiving;

/// <summary>Calls the application for each event on the reading thread: nothing is copied, queued or woken.</summary>
internal sealed class HandlerChannel(
    ISubscriptionOwner owner, string[] filters, SubscribeOptions options, MessageHandler handler)
    : SubscriptionChannel(owner, filters, options)
{
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _failed;
    private int _toConfirm;

    internal Task Completion => _completion.Task;

    internal override int Deliver(ReadOnlySpan<byte> frame, in DeliverFrame deliver, InboundTopic topic, string node)
    {
        var origin = new RunOrigin(
            deliver.Publisher, deliver.Timestamp, deliver.Flags, node);
        var reader = new RunReader(deliver.Body);
        var count = 0;
        _toConfirm += frame.Length;
        try
        {
            while (!_failed && reader.TryRead(out var payload))
            {
                var view = new MessageView(
                    topic, payload, in origin, deliver.Number + (ulong)count, deliver.Properties);
                count++;
                handler(in view);
            }
        }
#pragma warning disable CA1031 // Whatever the application throws ends its subscription, not the client.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _failed = true;
            Complete(e);
            Owner.Close(this);
            Owner.ReportHandlerFailure(e);
            return count;
        }

        return _failed || reader.Offset == deliver.Body.Length ? count : -1;
    }

    internal override void EndOfRead()
    {
        if (Options.IsKept && _toConfirm > 0)
        {
            Owner.Grant(this, Epoch, _toConfirm);
        }

        _toConfirm = 0;
    }

    internal override void Complete(Exception? error)
    {
        base.Complete(error);
        if (error is null)
        {
            _completion.TrySetResult();
        }
        else
        {
            _completion.TrySetException(error);
            _ = _completion.Task.Exception;
        }
    }

    // A handler holds up the reading thread itself, so the socket is limit enough.
    protected override uint BeginConnection()
    {
        NextEpoch();
        _toConfirm = 0;
        return Options.IsKept ? (uint)Options.ReceiveBufferBytes : 0;
    }
}
