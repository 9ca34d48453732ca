// tidy: allow blocking-call - the main thread only watches the gate while the client's own thread reads.
using NexusdClient;

namespace NexusdBench.Gate;

/// <summary>Subscribes with the C# client and a handler.</summary>
internal sealed class LibrarySubscriber : IDisposable
{
    private const long LookNanoseconds = 5_000_000;

    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(10);

    private readonly Client _client;

    internal LibrarySubscriber(string url)
    {
        _client = new Client(AddressOf(url), new ClientOptions { ClientName = "nexusd-bench sub" });
        _client.WaitReadyAsync(ConnectLimit).GetAwaiter().GetResult();
    }

    /// <summary>Events that the daemon says it dropped.</summary>
    internal long Dropped => _client.GetStatistics().Lost;

    /// <summary>Opens one subscription for each filter and waits until the daemon has them all.</summary>
    /// <param name="filters">The filters.</param>
    /// <param name="handler">What to do with each event.</param>
    /// <param name="limit">Longest wait for the daemon.</param>
    internal void Subscribe(IEnumerable<string> filters, MessageHandler handler, TimeSpan limit)
    {
        HandlerSubscription? last = null;
        foreach (var filter in filters)
        {
            last = _client.Subscribe([filter], handler);
        }

        last!.Ready.WaitAsync(limit).GetAwaiter().GetResult();
    }

    /// <summary>Waits until a run is over.</summary>
    internal static void WaitUntilOver(GateCounter counter)
    {
        while (!counter.IsOver())
        {
            Clock.Sleep(LookNanoseconds);
        }
    }

    public void Dispose() => _client.DisposeAsync().AsTask().GetAwaiter().GetResult();

    /// <summary>The client says HOST:PORT where others say tcp:HOST:PORT.</summary>
    internal static string AddressOf(string url) =>
        url.StartsWith("tcp:", StringComparison.Ordinal) ? url[4..] : url;
}
