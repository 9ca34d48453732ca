using System.Globalization;
using NexusD.Protocol;

namespace NexusdBench.Gate;

/// <summary>
/// One party of a gated run, on this thread from start to end. The gate's protocol is that of a comparison's runner; it
/// knows nothing of the daemon but its address.
/// </summary>
internal sealed class GateRun(GateOptions options, TextWriter reports, TextWriter notes)
{
    private const int MostConnections = 60_000;

    // Room in a DELIVER frame for all but the payload.
    private const int FrameRoom = ProtocolLimits.FrameOverheadBytes;

    /// <summary>Plays the role and prints the report.</summary>
    /// <exception cref="NexusdClient.NexusdException">The daemon or another party failed.</exception>
    internal void Play()
    {
        Clock.WakePunctually();
        switch (options.Role)
        {
            case "sub":
                Subscribe();
                break;
            case "pub":
                Publish();
                break;
            case "stuck":
                GetStuck();
                break;
            default:
                Connect();
                break;
        }
    }

    private void Publish()
    {
        using var gate = new GateFile(options.GatePath);
        string[] topics = [.. Enumerable.Range(0, options.Topics).Select(k => GateTopics.Name(options, k))];
        using GateSender sender = options.UsesLibrary
            ? new LibrarySender(options.Url, topics)
            : new LeanSender(options.Url, topics, options.Size);
        Print(new GatePublisher(options, gate, sender).Run());
    }

    private void Subscribe()
    {
        using var gate = new GateFile(options.GatePath);
        var counter = new GateCounter(options, gate);
        var began = Clock.Now;
        ulong dropped;
        if (options.UsesLibrary)
        {
            using var library = new LibrarySubscriber(options.Url);
            library.Subscribe(
                Filters(), (in NexusdClient.MessageView m) => counter.See(m.Payload), Limit());
            TellSubscribed(options.Subscriptions, began);
            LibrarySubscriber.WaitUntilOver(counter);
            dropped = (ulong)library.Dropped;
        }
        else
        {
            using var lean = new LeanSubscriber(options.Url, options.Size + FrameRoom, counter);
            lean.Subscribe(Filters(), began + Clock.Nanoseconds(options.Deadline));
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

    private void GetStuck()
    {
        var began = Clock.Now;
        var until = began + Clock.Nanoseconds(options.Seconds);
        if (options.UsesLibrary)
        {
            // Not disposed: that would wait for the handler.
            var library = new LibrarySubscriber(options.Url);
            library.Subscribe(
                Filters(), (in NexusdClient.MessageView _) => Clock.SleepUntil(until), Limit());
            TellSubscribed(options.Subscriptions, began);
            Clock.SleepUntil(until);
            return;
        }

        using var lean = new LeanSubscriber(options.Url, options.Size + FrameRoom, null);
        lean.Subscribe(Filters(), began + Clock.Nanoseconds(options.Deadline));
        TellSubscribed(options.Subscriptions, began);
        Clock.SleepUntil(until);
    }

    private void Connect()
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
                library.Subscribe(filters, static (in NexusdClient.MessageView _) => { }, Limit());
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

    private IEnumerable<string> Filters() =>
        Enumerable.Range(0, options.Subscriptions).Select(k => GateTopics.Filter(options, k));

    private TimeSpan Limit() => TimeSpan.FromSeconds(options.Deadline);

    private void TellSubscribed(int count, long began) => Tell(string.Create(
        CultureInfo.InvariantCulture, $"subscribed {count} in {Clock.Seconds(Clock.Now - began):0.000} s"));

    private void Tell(string line)
    {
        notes.WriteLine(line);
        notes.Flush();
    }

    private void Print(string report)
    {
        reports.WriteLine(report);
        reports.Flush();
    }
}
