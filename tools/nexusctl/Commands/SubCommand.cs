using System.Diagnostics;
using System.Globalization;
using Nexusctl.Arguments;
using Nexusctl.Output;
using NexusD.Protocol;
using NexusdClient;

namespace Nexusctl.Commands;

/// <summary><c>nexusctl sub</c>: prints events as they come.</summary>
internal sealed class SubCommand
{
    internal static readonly CommandSpec Spec = new()
    {
        Name = "sub",
        Operands = "FILTER...",
        Summary = "Print the events of every topic that a filter matches.",
        Details =
            """
            A filter is a topic in which * stands for one level and # at the end for any number of levels.
            Plain output is 'topic payload'. With --json each line is an object: topic, payload (or
            payload_base64 where it is no text), publisher, number, timestamp, retained, replayed (only where it
            is), node (the one that delivered it). Lost events are told on standard error.

              nexusctl sub 'sensors/*/pm25'
              nexusctl sub --group shipping --strategy round-robin 'orders/#'
              nexusctl sub --json --count 10 --timeout 30s 'orders/#'
            """,
        Options =
        [
            new("--count", "N", "Stop after N events."),
            new("--timeout", "TIME", "Stop after this time, as 10s; exit 3 if fewer than --count events came (without "
                + "--count: if none came)."),
            new("--json", null, "Print each event as a JSON object."),
            new("--no-retained", null, "Only what is published from now on."),
            new("--overflow", "POLICY", "What the daemon does when the queue of this subscription is full: "
                + "drop-oldest, drop-newest, block (holds publishers up) or conflate (the latest event per topic)."),
            new("--block-timeout", "TIME", "How long block holds a publisher up, as 500ms."),
            new("--group", "NAME", "Be a member of this group: each event goes to one member only (same as "
                + "$share/NAME/FILTER)."),
            new(
                "--strategy",
                "NAME",
                "How the group shares: sticky (by topic), round-robin, least-pending, local-first."),
            new("--keep", "TIME", "Keep the subscription for so long when this program or its connection ends without "
                + "being asked to: its token is told on standard error."),
            new("--token", "TOKEN", "Go on with a kept subscription; the filters must be the same."),
            new("--queue-events", "N", "Events that the daemon may queue (1048576)."),
            new("--queue-bytes", "SIZE", "Bytes that the daemon may queue (256M)."),
        ],
        MinOperands = 1,
        MaxOperands = ProtocolLimits.MaxFiltersPerSubscription,
        Run = context => new SubCommand(context).RunAsync(),
    };

    private static readonly Dictionary<string, OverflowPolicy> _policies =
        OverflowPolicyNames.All.Select((name, n) => (name, n)).ToDictionary(p => p.name, p => (OverflowPolicy)p.n);

    private static readonly Dictionary<string, GroupStrategy> _strategies =
        GroupStrategyNames.All.Select((name, n) => (name, n)).ToDictionary(p => p.name, p => (GroupStrategy)p.n);

    private readonly CommandContext _context;
    private readonly long _limit;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private long _events;
    private long _conflated;

    private SubCommand(CommandContext context)
    {
        _context = context;
        _limit = context.Arguments.GetCount("--count") ?? long.MaxValue;
    }

    private async Task<int> RunAsync()
    {
        var timeout = _context.Arguments.GetTime("--timeout");
        await using var client = await _context.ConnectAsync();
        client.Gap += (_, gap) => TellGap(gap);
        client.StateChanged += (_, change) => TellState(change);
        client.ServerNotice += (_, notice) => TellNotice(notice);

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(_context.Interrupted);
        if (timeout is { } time)
        {
            stop.CancelAfter(time);
        }

        try
        {
            await PrintAsync(client, stop.Token);
            return ExitCode.Done;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return Stopped();
        }
    }

    private TimeSpan? BlockTimeout()
    {
        var timeout = _context.Arguments.GetTime("--block-timeout");
        return timeout is null || timeout <= SubscribeOptions.MaxBlockTimeout
            ? timeout
            : throw new UsageException("--block-timeout is at most 10m.");
    }

    private TimeSpan? Keep()
    {
        if (_context.Arguments.Get("--token") is { } token
            && (token.Length != 2 * ProtocolLimits.KeepTokenBytes || !token.All(char.IsAsciiHexDigit)))
        {
            throw new UsageException("--token is what --keep told: 32 hexadecimal digits.");
        }

        var keep = _context.Arguments.GetTime("--keep")
            ?? (_context.Arguments.Has("--token") ? TimeSpan.FromMinutes(5) : null);
        return keep is null || (keep > TimeSpan.Zero && keep <= SubscriptionBase.MaxPause)
            ? keep
            : throw new UsageException("--keep is more than 0 and at most 168h.");
    }

    private async Task PrintAsync(Client client, CancellationToken stop)
    {
        var options = new SubscribeOptions
        {
            ReceiveRetained = !_context.Arguments.Has("--no-retained"),

            // Printing is slower than publishing: ask for a queue that holds a long burst.
            ReceiveBufferBytes = 4 << 20,
            QueueEvents = (int)Math.Min(_context.Arguments.GetCount("--queue-events") ?? 1 << 20, int.MaxValue),
            QueueBytes = _context.Arguments.GetSize("--queue-bytes") ?? 256 << 20,
            Overflow = _context.Arguments.GetChoice("--overflow", _policies),
            BlockTimeout = BlockTimeout(),
            Group = _context.Arguments.Get("--group"),
            Strategy = _context.Arguments.GetChoice("--strategy", _strategies),
            KeepFor = Keep(),
            ResumeToken = _context.Arguments.Get("--token"),
        };
        await using var subscription = client.SubscribeBatches(_context.Arguments.Operands, options, stop);
        if (options.KeepFor is not null)
        {
            await subscription.StartAsync(stop);
            _context.Tell(subscription.ResumeToken is { } kept
                ? $"kept: go on with --token {kept}"
                : "this daemon keeps no subscriptions (--keep-limit 0).");
        }

        using var lines = new EventLines(_context.Output, _context.Arguments.Has("--json"));
        await foreach (var batch in subscription)
        {
            foreach (var message in batch)
            {
                lines.Write(in message);
                if (++_events == _limit)
                {
                    _context.Output.Flush();
                    return;
                }
            }

            _context.Output.Flush();
        }
    }

    private int Stopped()
    {
        if (_context.Interrupted.IsCancellationRequested)
        {
            _context.Tell(string.Create(
                CultureInfo.InvariantCulture,
                $"{Plural.Of(_events, "event")} in {_clock.Elapsed.TotalSeconds:0.0} s{Conflated}."));
            return _limit == long.MaxValue ? ExitCode.Done : ExitCode.Interrupted;
        }

        var isEnough = _limit == long.MaxValue && _events > 0;
        if (!isEnough)
        {
            var wanted = _limit == long.MaxValue ? string.Empty : $" of {_limit}";
            _context.Tell($"--timeout ran out after {_events}{wanted} events{Conflated}.");
        }

        return isEnough ? ExitCode.Done : ExitCode.TimedOut;
    }

    private void TellNotice(ServerNotice notice)
    {
        if (notice.Code == ErrorCode.KeepOver)
        {
            _context.Tell(notice.Text);
        }
    }

    private void TellState(ConnectionStateChange change)
    {
        if (change.Reason is not null && change.Previous == ConnectionState.Connected)
        {
            _context.Tell(change.Reason.Message + (_context.Arguments.Has("--keep")
                ? string.Empty
                : " What is published meanwhile is missed."));
        }
        else if (change.Previous == ConnectionState.Reconnecting && change.Current == ConnectionState.Connected)
        {
            _context.Tell("connected again.");
        }
    }

    private string Conflated => Interlocked.Read(ref _conflated) is > 0 and var count
        ? $", {Plural.Of(count, "older event")} left out by conflation"
        : string.Empty;

    // Conflation was asked for: it is told once, at the end.
    private void TellGap(EventGap gap)
    {
        if (gap.Reason == DropReason.Conflated)
        {
            Interlocked.Add(ref _conflated, (long)Math.Min(gap.Count, long.MaxValue));
        }
        else
        {
            _context.Tell(Describe(gap));
        }
    }

    private static string Describe(EventGap gap)
    {
        var whose = gap.Publisher == 0 ? "several publishers" : $"publisher {gap.Publisher} ({gap.From}-{gap.To})";
        var where = gap.Where.Length == 0 ? string.Empty : $" at {gap.Where}";
        var events = Plural.Of((long)Math.Min(gap.Count, long.MaxValue), "event");
        return $"lost {events} of {whose}{where}: {gap.Reason.ToWireName()}.";
    }
}
