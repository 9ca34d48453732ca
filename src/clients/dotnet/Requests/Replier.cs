namespace NexusdClient.Requests;

/// <summary>Publishes a reply until somebody gets it, for a second at most.</summary>
internal static class Replier
{
    // Milliseconds; a second in all.
    private static readonly int[] _pauses = [5, 10, 20, 40, 80, 160, 320, 365];

    internal static async Task<PublishResult> ReplyAsync(
        Client client, Message request, byte[] payload, CancellationToken cancellation)
    {
        var reply = new PublishRequest
        {
            Topic = request.ReplyTopic!,
            Payload = payload,
            CorrelationId = request.CorrelationId,
        };
        var result = await client.PublishAsync(reply, cancellation);
        foreach (var pause in _pauses)
        {
            if (result is not { Local: 0, Peers: 0 })
            {
                break;
            }

            await Task.Delay(pause, cancellation);
            result = await client.PublishAsync(reply, cancellation);
        }

        return result;
    }
}
