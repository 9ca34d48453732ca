using System.Globalization;
using System.Text.RegularExpressions;

namespace NexusD.EndToEnd.Tests.Harness;

/// <summary>
/// A publisher on one daemon and a subscriber on another, and the check that what came in was published: each event
/// once and in order, or told as lost.
/// </summary>
internal sealed partial class EventFlow : IAsyncDisposable
{
    private const string Probe = "probe";

    private readonly RunningProcess _publisher;
    private readonly RunningProcess _subscriber;
    private readonly string _topic;
    private int _published;

    private EventFlow(RunningProcess publisher, RunningProcess subscriber, string topic)
    {
        _publisher = publisher;
        _subscriber = subscriber;
        _topic = topic;
    }

    public int Published => _published;

    /// <summary>Starts both; the publisher's daemon knows the interest, and a first event is on its way.</summary>
    public static async Task<EventFlow> StartAsync(DaemonProcess from, DaemonProcess to, string topic)
    {
        RunningProcess subscriber = to.Ctl("sub", topic, "--json");
        if (from != to)
        {
            // A number of filters does not tell which: the subscriber's daemon may want others.
            await Eventually.TrueAsync(
                $"{from.Name} knows that {topic} is wanted",
                async () => string.Concat(await from.CtlAsync("pub", "--ack", topic, Probe)),
                acknowledged => acknowledged.Contains(" 1 peer", StringComparison.Ordinal));
        }

        RunningProcess publisher = from.Ctl("pub", "--topic", topic, "--lines");
        var flow = new EventFlow(publisher, subscriber, topic);
        await flow.PublishAsync(1);
        return flow;
    }

    /// <summary>Publishes so many events more.</summary>
    public async Task PublishAsync(int count)
    {
        for (int i = 0; i < count; i++)
        {
            await _publisher.Input.WriteLineAsync($"{++_published} {new string('x', 100)}");
        }

        await _publisher.Input.FlushAsync();
    }

    /// <summary>No more events: the publisher ends when its daemon has taken all of them.</summary>
    public async Task EndPublishingAsync()
    {
        _publisher.Input.Close();
        (int exitCode, _) = await _publisher.WaitForExitAsync();
        Assert.True(exitCode == 0, $"{_publisher.CommandLine} exited with {exitCode}.\n{_publisher.Errors}");
    }

    /// <summary>Reads until everything has come or was told as lost; returns how many were lost.</summary>
    public async Task<int> CheckAsync()
    {
        ulong last = 0;
        int events = 0;
        while (events + Lost() < _published)
        {
            Task<string?> next = _subscriber.ReadLineAsync();
            string line = await next
                ?? throw new InvalidOperationException($"the subscriber of {_topic} ended.\n{_subscriber.Errors}");
            Received received = Received.Parse(line);
            if (received.Payload == Probe)
            {
                continue;
            }

            Assert.True(received.Number > last, $"{_topic}: event {received.Number} came behind {last}");
            Assert.StartsWith($"{received.Number} ", received.Payload, StringComparison.Ordinal);
            Assert.True(
                received.Number == last + 1 || Lost() > 0,
                $"{_topic}: {received.Number} came behind {last}, and nothing was told as lost");
            last = received.Number;
            events++;
        }

        Assert.Equal(_published, events + Lost());
        return Lost();
    }

    public async ValueTask DisposeAsync()
    {
        await _publisher.DisposeAsync();
        await _subscriber.DisposeAsync();
    }

    [GeneratedRegex(@"lost ([\d,]+) events? of")]
    private static partial Regex LostEvents();

    private int Lost() => LostEvents().Matches(_subscriber.Errors)
        .Sum(m => int.Parse(m.Groups[1].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture));
}
