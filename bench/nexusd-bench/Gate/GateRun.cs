using System.Globalization;
using NexusD.Protocol;

namespace NexusdBench.Gate;

/// <summary>
/// One party of a gated run, on this thread from start to end. The gate's protocol is that of a comparison's runner; it
/// knows nothing of the daemon but its address.
/// </summary>
internal static class GateRun
{
    private const int MostConnections = 60_000;

    // Room in a DELIVER frame for all but the payload.
    private const int FrameRoom = ProtocolLimits.FrameOverheadBytes;

    /// <summary>Plays the role and prints the report.</summary>
    /// <exception cref="NexusdClient.NexusdException">The daemon or another party failed.</exception>
    internal static void Play(GateOptions options)
    {
        Clock.WakePunctually();
        switch (options.Role)
        {
            case "sub":
                Subscribe(options);
                break;
            case "pub":
                Publish(options);
                break;
            case "stuck":
                GetStuck(options);
                break;
            default:
                Connect(options);
                break;
        }
    }

    private static void Publish(GateOptions options)
    {
        using var gate = new GateFile(options.GatePath);
        string[] topics = [.. Enumerable.Range(0, options.Topics).Select(k => GateTopics.Name(options, k))];
        using GateSender sender = options.UsesLibrary
            ? new LibrarySender(options.Url, topics)
            : new LeanSender(options.Url, topics, options.Size);
        Print(new GatePublisher(options, gate, sender).Run());
    }

    private static void Subscribe(GateOptions options)
    {
        using var gate = new GateFile(options.GatePath);
        var counter = new GateCounter(options, gate);
        var began = Clock.Now;
        ulong dropped;
        if (options.UsesLibrary)
        {
            using var library = new LibrarySubscriber(options.Url);
            library.Subscribe(
                Filters(options), (in NexusdClient.MessageView m) => counter.See(m.Payload), Limit(options));
            TellSubscribed(options.Subscriptions, began);
            LibrarySubscriber.WaitUntilOver(counter);
            dropped = (ulong)library.Dropped;
        }
        else
        {
            using var lean = new LeanSubscriber(options.Url, options.Size + FrameRoom, counter);
            lean.Subscribe(Filters(options), began + Clock.Nanoseconds(options.Deadline));
            TellSubscribed(options.Subscriptions, began);
            lean.Run();
            dropped = lean.Dropped;
        }

        if (dropped > 0)
        {
            Tell($"the daemon dropped {dropped} events");
        }

        Print(counter.Report());
    }

    private static void GetStuck(GateOptions options)
    {
        var began = Clock.Now;
        var until = began + Clock.Nanoseconds(options.Seconds);
        if (options.UsesLibrary)
        {
            // Not disposed: that would wait for the handler.
            var library = new LibrarySubscriber(options.Url);
            library.Subscribe(
                Filters(options), (in NexusdClient.MessageView _) => Clock.SleepUntil(until), Limit(options));
            TellSubscribed(options.Subscriptions, began);
            Clock.SleepUntil(until);
            return;
        }

        using var lean = new LeanSubscriber(options.Url, options.Size + FrameRoom, null);
        lean.Subscribe(Filters(options), began + Clock.Nanoseconds(options.Deadline));
        TellSubscribed(options.Subscriptions, began);
        Clock.SleepUntil(until);
    }

    private static void Connect(GateOptions options)
    {
        var began = Clock.Now;
        var count = (int)Math.Min(options.Count, MostConnections);
        var open = new List<IDisposable>(count);
        for (var k = 0; k < count; k++)
        {
            string[] filters = [string.Create(CultureInfo.InvariantCulture, $"idle/{k}/x")];
            if (options.UsesLibrary)
            {
                var library = new LibrarySubscriber(options.Url);
                open.Add(library);
                library.Subscribe(filters, static (in NexusdClient.MessageView _) => { }, Limit(options));
            }
            else
            {
                var lean = new LeanSubscriber(options.Url, 0, null);
                open.Add(lean);
                lean.Subscribe(filters, Clock.Now + Clock.Nanoseconds(options.Deadline));
                lean.StopReading();
            }
        }

        Print(GateReport.Connections(count, Clock.Seconds(Clock.Now - began)));
        Clock.Sleep(Clock.Nanoseconds(options.Seconds));
        open.ForEach(c => c.Dispose());
    }

    private static IEnumerable<string> Filters(GateOptions options) =>
        Enumerable.Range(0, options.Subscriptions).Select(k => GateTopics.Filter(options, k));

    private static TimeSpan Limit(GateOptions options) => TimeSpan.FromSeconds(options.Deadline);

    private static void TellSubscribed(int count, long began) => Tell(string.Create(
        CultureInfo.InvariantCulture, $"subscribed {count} in {Clock.Seconds(Clock.Now - began):0.000} s"));

    private static void Tell(string line)
    {
        Console.Error.WriteLine(line);
        Console.Error.Flush();
    }

    private static void Print(string report)
    {
        Console.Out.WriteLine(report);
        Console.Out.Flush();
    }
}
