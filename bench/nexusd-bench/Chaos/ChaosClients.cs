using NexusdClient;

namespace NexusdBench.Chaos;

/// <summary>How the clients of a run connect: quick to notice and to come back, patient with their daemon.</summary>
internal static class ChaosClients
{
    internal static ClientOptions Options(string name) => new()
    {
        ClientName = $"nexusd-bench {name}",
        ConnectTimeout = TimeSpan.FromSeconds(2),
        AcknowledgeTimeout = Timeout.InfiniteTimeSpan,
        ReconnectMinimum = TimeSpan.FromMilliseconds(50),
        ReconnectMaximum = TimeSpan.FromMilliseconds(500),
        KeepAlive = TimeSpan.FromSeconds(1),
    };
}
