using NexusdClient.Requests;

namespace NexusdClient;

/// <summary>Request and reply: docs/protocol/client.md "Request and reply".</summary>
public partial class Client
{
    /// <summary>How long a request waits where nothing else is said: 5 s.</summary>
    public static readonly TimeSpan DefaultRequestTimeout = TimeSpan.FromSeconds(5);

    private readonly Requester _requester;

    /// <summary>Publishes a request and waits for one reply.</summary>
    /// <param name="topic">Where somebody answers.</param>
    /// <param name="payload">Copied before the call returns.</param>
    /// <param name="timeout">How long to wait; null: <see cref="DefaultRequestTimeout"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <inheritdoc cref="RequestAsync(PublishRequest, TimeSpan?, CancellationToken)"/>
    public Task<Message> RequestAsync(
        string topic, byte[] payload, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        RequestAsync(new PublishRequest { Topic = topic, Payload = payload }, timeout, cancellationToken);

    /// <summary>Publishes a request and waits for one reply; later ones are ignored.</summary>
    /// <param name="request">
    /// The request; its reply topic and, where it has none, its correlation id are filled in.
    /// </param>
    /// <param name="timeout">How long to wait; null: <see cref="DefaultRequestTimeout"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="NoResponderException">Nobody in the mesh subscribes to the topic: told at once.</exception>
    /// <exception cref="RequestTimeoutException">No reply came in time.</exception>
    /// <exception cref="PublishException">The request was refused.</exception>
    public Task<Message> RequestAsync(
        PublishRequest request, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var wait = timeout ?? DefaultRequestTimeout;
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(wait, TimeSpan.Zero, nameof(timeout));
        return _requester.RequestAsync(request, wait, cancellationToken);
    }

    /// <summary>
    /// Answers a request. While nobody gets the reply it is published again for a second at most: the requester's
    /// node may not have told this one yet that it waits.
    /// </summary>
    /// <param name="request">The message to answer.</param>
    /// <param name="payload">The answer; copied before the call returns.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>How many got it; 0 subscriptions and 0 peers: the requester is gone.</returns>
    /// <exception cref="ArgumentException">The message asks for no reply.</exception>
    public Task<PublishResult> ReplyAsync(
        Message request, byte[] payload, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(payload);
        if (request.ReplyTopic is null)
        {
            throw new ArgumentException(
                $"The message on '{request.Topic}' asks for no reply: it has no reply topic.", nameof(request));
        }

        return Replier.ReplyAsync(this, request, payload, cancellationToken);
    }
}
