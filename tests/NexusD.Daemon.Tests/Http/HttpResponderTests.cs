using System.Text;
using System.Text.Json;
using NexusD.Daemon.Http;

namespace NexusD.Daemon.Tests.Http;

public sealed class HttpResponderTests
{
    private readonly SampleNode _node = new();
    private readonly HttpResponder _responder;

    public HttpResponderTests() => _responder = new HttpResponder(_node, "/metrics");

    [Theory]
    [InlineData("/healthz")]
    [InlineData("/health")]
    [InlineData("/readyz")]
    [InlineData("/ready")]
    [InlineData("/livez")]
    public async Task Probes_of_a_healthy_node_say_200_on_both_ports(string path)
    {
        Assert.Equal(200, (await _responder.AnswerAsync("GET", path, atMetricsPort: false)).Status);
        Assert.Equal(200, (await _responder.AnswerAsync("HEAD", path, atMetricsPort: true)).Status);
    }

    [Fact]
    public async Task A_node_that_is_not_ready_says_why_and_is_healthy_all_the_same()
    {
        _node.NotReadyBecause = "the daemon is leaving";
        Assert.Equal((503, "not ready: the daemon is leaving\n"), await GetAsync("/readyz"));
        Assert.Equal((200, "ok\n"), await GetAsync("/healthz"));
        (int status, string body) = await GetAsync("/livez");
        Assert.Equal(200, status);
        JsonElement live = JsonDocument.Parse(body).RootElement;
        Assert.True(live.GetProperty("live").GetBoolean());
        Assert.False(live.GetProperty("ready").GetBoolean());
        Assert.Equal("the daemon is leaving", live.GetProperty("not_ready_because").GetString());
    }

    [Fact]
    public async Task A_loop_that_hangs_fails_health_but_is_answered()
    {
        _node.LoopAnswers = false;
        Assert.Equal(503, (await GetAsync("/healthz")).Status);
        (int status, string body) = await GetAsync("/livez");
        Assert.Equal(503, status);
        Assert.False(JsonDocument.Parse(body).RootElement.GetProperty("live").GetBoolean());
        Assert.Equal(503, (await GetAsync("/metrics", atMetricsPort: true)).Status);
    }

    [Fact]
    public async Task Unknown_paths_and_methods_are_refused_with_a_text()
    {
        (int status, string body) = await GetAsync("/nothing");
        Assert.Equal(404, status);
        Assert.Contains("/healthz", body, StringComparison.Ordinal);
        Assert.Equal(404, (await GetAsync("/healthz/")).Status);
        Assert.Equal(405, (await _responder.AnswerAsync("POST", "/healthz", false)).Status);
        Assert.Equal(405, (await _responder.AnswerAsync("DELETE", "/metrics", true)).Status);
    }

    [Fact]
    public async Task Metrics_are_served_on_their_own_port_alone_and_the_other_says_so()
    {
        Assert.Equal(200, (await GetAsync("/metrics", atMetricsPort: true)).Status);
        (int status, string body) = await GetAsync("/metrics");
        Assert.Equal(404, status);
        Assert.Contains("--metrics-port", body, StringComparison.Ordinal);

        var without = new HttpResponder(_node, metricsPath: null);
        HttpAnswer answer = await without.AnswerAsync("GET", "/metrics", atMetricsPort: false);
        Assert.Equal(404, answer.Status);
        Assert.Contains("--metrics-enabled", Encoding.UTF8.GetString(answer.Body.Span), StringComparison.Ordinal);
    }

    private async Task<(int Status, string Body)> GetAsync(string path, bool atMetricsPort = false)
    {
        HttpAnswer answer = await _responder.AnswerAsync("GET", path, atMetricsPort);
        return (answer.Status, Encoding.UTF8.GetString(answer.Body.Span));
    }
}
