using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;

namespace NexusdClient.Requests;

/// <summary>
/// The requests of one client that wait for a reply. All replies come by one subscription, opened with the first
/// request and kept until the client ends.
/// </summary>
internal sealed class Requester(Client client)
{
    private readonly string _prefix =
        $"$reply/{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}/";

    private readonly ConcurrentDictionary<string, TaskCompletionSource<Message>> _waiting = [];
    private readonly Lock _gate = new();
    private HandlerSubscription? _replies;
    private long _counter;

    internal async Task<Message> RequestAsync(PublishRequest request, TimeSpan timeout, CancellationToken cancellation)
    {
        var id = Interlocked.Increment(ref _counter).ToString(CultureInfo.InvariantCulture);
        var topic = _prefix + id;
        var reply = new TaskCompletionSource<Message>(TaskCreationOptions.RunContinuationsAsynchronously);
        _waiting[topic] = reply;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(timeout);
        try
        {
            await OpenReplies().Ready.WaitAsync(limit.Token);
            var result = await client.PublishAsync(WithReplyTopic(request, topic, id), limit.Token);
            if (result is { Local: 0, Peers: 0 })
            {
                throw new NoResponderException(
                    $"Nobody in the mesh subscribes to '{request.Topic}': is the service that answers running, and is "
                    + "this the topic it answers on?");
            }

            return await reply.Task.WaitAsync(limit.Token);
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new RequestTimeoutException(
                $"No reply to the request on '{request.Topic}' came within {timeout.TotalSeconds:0.###} s. "
                + "Does the service that answers keep up?",
                e);
        }
        finally
        {
            _waiting.TryRemove(topic, out _);
        }
    }

    private static PublishRequest WithReplyTopic(PublishRequest request, string topic, string id) => new()
    {
        Topic = request.Topic,
        Payload = request.Payload,
        Retain = request.Retain,
        ContentType = request.ContentType,
        CorrelationId = request.CorrelationId ?? id,
        ReplyTopic = topic,
        TimeToLive = request.TimeToLive,
        Priority = request.Priority,
        Headers = request.Headers,
    };

    private HandlerSubscription OpenReplies()
    {
        lock (_gate)
        {
            return _replies ??= client.Subscribe(
                [_prefix + "*"],
                OnReply,
                new SubscribeOptions { ReceiveRetained = false });
        }
    }

    private void OnReply(in MessageView view)
    {
        if (_waiting.TryRemove(view.Topic, out var waiter))
        {
            waiter.TrySetResult(view.ToMessage());
        }
    }
}
