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
            payload_base64 where it is no text), publisher, number, timestamp, retained, node (the one that
            delivered it). Lost events are told on standard error.

              nexusctl sub 'sensors/*/pm25'
              nexusctl sub --json --count 10 --timeout 30s 'orders/#'
            """,
        Options =
        [
            new("--count", "N", "Stop after N events."),
            new("--timeout", "TIME", "Stop after this time, as 10s; exit 3 if fewer than --count events came (without "
                + "--count: if none came)."),
            new("--json", null, "Print each event as a JSON object."),
            new("--no-retained", null, "Only what is published from now on."),
        ],
        MinOperands = 1,
        MaxOperands = ProtocolLimits.MaxFiltersPerSubscription,
        Run = context => new SubCommand(context).RunAsync(),
    };

    private readonly CommandContext _context;
    private readonly long _limit;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private long _events;

    private SubCommand(CommandContext context)
    {
        _context = context;
        _limit = context.Arguments.GetCount("--count") ?? long.MaxValue;
    }

    private async Task<int> RunAsync()
    {
        var timeout = _context.Arguments.GetTime("--timeout");
        await using var client = await _context.ConnectAsync();
        client.Gap += (_, gap) => _context.Tell(Describe(gap));
        client.StateChanged += (_, change) => TellState(change);

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

    private async Task PrintAsync(Client client, CancellationToken stop)
    {
        var options = new SubscribeOptions
        {
            ReceiveRetained = !_context.Arguments.Has("--no-retained"),

            // Printing is slower than publishing: ask for a queue that holds a long burst.
            ReceiveBufferBytes = 4 << 20,
            QueueEvents = 1 << 20,
            QueueBytes = 256 << 20,
        };
        using var lines = new EventLines(_context.Output, _context.Arguments.Has("--json"));
        await foreach (var batch in client.SubscribeBatches(_context.Arguments.Operands, options, stop))
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
                $"{Plural.Of(_events, "event")} in {_clock.Elapsed.TotalSeconds:0.0} s."));
            return _limit == long.MaxValue ? ExitCode.Done : ExitCode.Interrupted;
        }

        var isEnough = _limit == long.MaxValue && _events > 0;
        if (!isEnough)
        {
            var wanted = _limit == long.MaxValue ? string.Empty : $" of {_limit}";
            _context.Tell($"--timeout ran out after {_events}{wanted} events.");
        }

        return isEnough ? ExitCode.Done : ExitCode.TimedOut;
    }

    private void TellState(ConnectionStateChange change)
    {
        if (change.Reason is not null && change.Previous == ConnectionState.Connected)
        {
            _context.Tell(change.Reason.Message + " What is published meanwhile is missed.");
        }
        else if (change.Previous == ConnectionState.Reconnecting && change.Current == ConnectionState.Connected)
        {
            _context.Tell("connected again.");
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
