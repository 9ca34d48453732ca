using System.Text;

namespace NexusdClient.Tests;

public sealed class RequestTests
{
    [Fact]
    public async Task A_request_is_answered_with_its_correlation_id()
    {
        await using var daemon = new RealDaemon();
        await using var client = new Client(daemon.Address);
        await using var service = await Service.StartAsync(daemon, "prices/get");
        var request = new PublishRequest
        {
            Topic = "prices/get", Payload = "apples"u8.ToArray(), CorrelationId = "c-1",
        };

        var replies = await Task.WhenAll(
            client.RequestAsync(request), client.RequestAsync("prices/get", "pears"u8.ToArray())).InTimeAsync();

        Assert.Equal(["re:apples", "re:pears"], replies.Select(r => Encoding.UTF8.GetString(r.Payload)));
        Assert.Equal("c-1", replies[0].CorrelationId);
        Assert.StartsWith("$reply/", replies[0].Topic, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_anybody_to_answer_it_fails_at_once_and_says_so()
    {
        await using var daemon = new RealDaemon();
        await using var client = new Client(daemon.Address);
        var error = await Assert.ThrowsAsync<NoResponderException>(
            () => client.RequestAsync("nobody/here", [], TimeSpan.FromHours(1)).InTimeAsync());
        Assert.Contains("nobody/here", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_reply_it_fails_after_the_time_out_and_a_late_reply_is_ignored()
    {
        await using var daemon = new RealDaemon();
        await using var client = new Client(daemon.Address);
        await using var other = new Client(daemon.Address);
        await using var silent = other.Subscribe("slow");
        await silent.StartAsync().InTimeAsync();

        await Assert.ThrowsAsync<RequestTimeoutException>(
            () => client.RequestAsync("slow", [1], TimeSpan.FromSeconds(1)).InTimeAsync());

        var late = (await silent.TakeAsync(1))[0];
        Assert.Equal(1, (await other.ReplyAsync(late, [2]).InTimeAsync()).Local);
        await using var service = await Service.StartAsync(daemon, "quick");
        Assert.Equal("re:x", Encoding.UTF8.GetString((await client.RequestAsync("quick", "x"u8.ToArray())).Payload));
    }

    [Fact]
    public async Task A_reply_to_a_requester_that_is_gone_says_that_nobody_got_it()
    {
        await using var daemon = new RealDaemon();
        await using var service = new Client(daemon.Address);
        await using var requests = service.Subscribe("r");
        await requests.StartAsync().InTimeAsync();
        await service.PublishAsync(new PublishRequest { Topic = "r", ReplyTopic = "$reply/0/1" }).InTimeAsync();
        var request = (await requests.TakeAsync(1))[0];
        Assert.Equal((0, 0), await ReachedAsync(service.ReplyAsync(request, [1])));
        await Assert.ThrowsAsync<ArgumentException>(
            async () => await service.ReplyAsync(await WithoutReplyTopicAsync(daemon), [1]));
    }

    private static async Task<(int Local, int Peers)> ReachedAsync(Task<PublishResult> reply)
    {
        var result = await reply.InTimeAsync();
        return (result.Local, result.Peers);
    }

    private static async Task<Message> WithoutReplyTopicAsync(RealDaemon daemon)
    {
        await using var client = new Client(daemon.Address);
        await using var subscription = client.Subscribe("plain");
        await subscription.StartAsync().InTimeAsync();
        client.Publish("plain", "x");
        return (await subscription.TakeAsync(1))[0];
    }

    /// <summary>Answers every request on a topic with "re:" and its payload.</summary>
    private sealed class Service : IAsyncDisposable
    {
        private readonly Client _client;
        private readonly Task _running;

        private Service(Client client, Subscription requests)
        {
            _client = client;
            _running = RunAsync(requests);
        }

        internal static async Task<Service> StartAsync(RealDaemon daemon, string topic)
        {
            var client = new Client(daemon.Address);
            var requests = client.Subscribe(topic);
            await requests.StartAsync().InTimeAsync();
            return new Service(client, requests);
        }

        public async ValueTask DisposeAsync()
        {
            await _client.DisposeAsync();
            await _running.InTimeAsync();
        }

        private async Task RunAsync(Subscription requests)
        {
            try
            {
                await foreach (var request in requests)
                {
                    await _client.ReplyAsync(request, [.. "re:"u8, .. request.Payload]);
                }
            }
            catch (ClosedException)
            {
            }
        }
    }
}
