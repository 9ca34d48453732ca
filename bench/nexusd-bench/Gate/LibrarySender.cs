// tidy: allow blocking-call - the gate's publisher is one thread that does nothing else.
using NexusdClient;

namespace NexusdBench.Gate;

/// <summary>Publishes with the C# client, as an application does: the client decides when to send.</summary>
internal sealed class LibrarySender : GateSender
{
    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(10);

    private readonly Client _client;
    private readonly TopicPublisher[] _topics;

    internal LibrarySender(string url, string[] topics)
    {
        _client = new Client(LibrarySubscriber.AddressOf(url), new ClientOptions { ClientName = "nexusd-bench pub" });
        _client.WaitReadyAsync(ConnectLimit).GetAwaiter().GetResult();
        _topics = [.. topics.Select(_client.OpenTopic)];
    }

    internal override void Send(int topic, ReadOnlySpan<byte> payload)
    {
        if (!_topics[topic].Publish(payload))
        {
            throw new NexusdException("The daemon went away during the run.");
        }
    }

    internal override void Flush()
    {
    }

    public override void Dispose() => _client.DisposeAsync().AsTask().GetAwaiter().GetResult();
}
