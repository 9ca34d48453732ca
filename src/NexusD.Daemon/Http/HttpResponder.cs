using NexusD.Daemon.Status;

namespace NexusD.Daemon.Http;

/// <summary>Answers requests: which path says what. Knows nothing of Kestrel.</summary>
internal sealed class HttpResponder(INodeProbe node, string? metricsPath)
{
    /// <summary>
    /// A loop that does not answer for so long hangs; probes give up after 1 s by default, so this is below.
    /// </summary>
    private static readonly TimeSpan _patience = TimeSpan.FromMilliseconds(900);

    private static readonly TimeSpan _metricsPatience = TimeSpan.FromSeconds(5);

    /// <summary>The answer to a request.</summary>
    /// <param name="method">GET, HEAD, ...</param>
    /// <param name="path">Path without the query.</param>
    /// <param name="atMetricsPort">Whether it came to the port that serves metrics.</param>
    public async Task<HttpAnswer> AnswerAsync(string method, string path, bool atMetricsPort)
    {
        bool isMetrics = atMetricsPort && metricsPath is not null && path == metricsPath;
        if (!isMetrics && path is not ("/healthz" or "/health" or "/readyz" or "/ready" or "/livez"))
        {
            return HttpAnswer.Text(404, NotFoundText(path, atMetricsPort));
        }

        if (method is not ("GET" or "HEAD"))
        {
            return HttpAnswer.Text(405, $"{method} is not possible here; use GET.");
        }

        return isMetrics ? await MetricsAsync() : path switch
        {
            "/readyz" or "/ready" => Ready(),
            "/livez" => await LiveAsync(),
            _ => await HealthAsync(),
        };
    }

    private string NotFoundText(string path, bool atMetricsPort)
    {
        bool wantsMetrics = path == (metricsPath ?? "/metrics") && !atMetricsPort;
        string hint = !wantsMetrics ? string.Empty
            : metricsPath is null ? " Metrics are off; --metrics-enabled turns them on."
            : " Metrics have a port of their own, see --metrics-port.";
        string metrics = atMetricsPort && metricsPath is not null ? $", {metricsPath}" : string.Empty;
        return $"Nothing here. There are /healthz, /readyz, /livez{metrics}.{hint}";
    }

    private HttpAnswer Ready() => node.NotReadyBecause is { } reason
        ? HttpAnswer.Text(503, $"not ready: {reason}")
        : HttpAnswer.Text(200, "ready");

    private async Task<HttpAnswer> HealthAsync() => await node.AnswersAsync(_patience)
        ? HttpAnswer.Text(200, "ok")
        : HttpAnswer.Text(503, "unhealthy: the event loop does not answer");

    private async Task<HttpAnswer> LiveAsync()
    {
        NodeSnapshot? snapshot = await node.TakeSnapshotAsync(_patience);
        return HttpAnswer.JsonOf(snapshot is null ? 503 : 200, StatusDocuments.Live(snapshot, node.NotReadyBecause));
    }

    private async Task<HttpAnswer> MetricsAsync() => await node.TakeSnapshotAsync(_metricsPatience) is { } snapshot
        ? new HttpAnswer(200, PrometheusText.ContentType, MetricsPage.Write(snapshot))
        : HttpAnswer.Text(503, "the event loop does not answer");
}
