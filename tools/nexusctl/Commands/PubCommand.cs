using System.Diagnostics;
using System.Globalization;
using System.Text;
using Nexusctl.Arguments;
using Nexusctl.Input;
using Nexusctl.Output;
using NexusdClient;

namespace Nexusctl.Commands;

/// <summary><c>nexusctl pub</c>: publishes one event, or many from a file or standard input.</summary>
internal sealed class PubCommand
{
    internal static readonly CommandSpec Spec = new()
    {
        Name = "pub",
        Operands = "TOPIC [PAYLOAD]",
        Summary = "Publish one event, or many from lines or a CSV table.",
        Details =
            """
            Without PAYLOAD, say where it comes from: --file, --stdin, --lines or --csv. An empty payload with
            --retain deletes the topic's retained event.

            A CSV table has a header line; {name} in the topic stands for the cell of that column. Each row
            becomes one event, a JSON object of its cells (numbers as numbers, empty cells as null). With
            --columns each cell becomes an event of its own, {column} in the topic stands for the column's name,
            and empty cells are left out. '--columns all' takes every column that the topic does not name, and of
            those only cells that are numbers.
            What the daemon dropped on the way to subscribers of its node is told at the end.
            A row that cannot be published is told and left out; the exit code is 1 then.

              nexusctl pub greetings/world hello
              nexusctl pub --retain config/limit 42
              tail -f access.log | nexusctl pub --lines logs/web
              nexusctl pub --csv air.csv --topic 'sensors/air/{station}'
              nexusctl pub --csv air.csv --columns pm25,pm10 --topic 'sensors/air/{station}/{column}'
            """,
        Options =
        [
            new("--topic", "TOPIC", "The topic, instead of the first operand; may hold {column names} with --csv."),
            new("--file", "PATH", "The payload is what the file holds; with --lines each of its lines is one."),
            new("--stdin", null, "The payload is all of standard input."),
            new("--lines", null, "Each line of standard input (or --file) is an event."),
            new("--csv", "PATH", "Each row of the table is an event; - is standard input."),
            new("--columns", "A,B,...", "With --csv: each cell of these columns is an event."),
            new("--retain", null, "Keep the event for later subscribers."),
            new("--ack", null, "Wait for each acknowledgement and tell how many subscriptions and peers there were."),
            new("--rate", "N", "At most N events a second."),
            new("--content-type", "TYPE", "What the payload is, as text/plain."),
            new("--ttl", "TIME", "How long the event is worth delivering, as 10s."),
            new("--priority", "CLASS", "high, normal or low: what waits is delivered in that order."),
        ],
        MinOperands = 0,
        MaxOperands = 2,
        Run = context => new PubCommand(context).RunAsync(),
    };

    private static readonly Dictionary<string, EventPriority> _priorities = new()
    {
        ["high"] = EventPriority.High,
        ["normal"] = EventPriority.Normal,
        ["low"] = EventPriority.Low,
    };

    private readonly CommandContext _context;
    private readonly ParsedCommand _arguments;

    private PubCommand(CommandContext context)
    {
        _context = context;
        _arguments = context.Arguments;
    }

    private async Task<int> RunAsync()
    {
        var (topic, payload) = TopicAndPayload();
        var request = new PublishTemplate(
            _arguments.Has("--retain"), _arguments.Get("--content-type"), _arguments.GetTime("--ttl"),
            _arguments.GetChoice("--priority", _priorities) ?? EventPriority.Normal);
        var rate = _arguments.GetCount("--rate");
        var clock = Stopwatch.StartNew();
        await using var source = OpenSource(topic, payload);
        await using var client = await _context.ConnectAsync();
        await using var publisher = new PacedPublisher(client, request, _arguments.Has("--ack"), rate, _context.Tell);
        var progress = new ProgressBar(_context.Errors, _context.ErrorsAreSeen, source.TotalBytes);
        var interrupted = !await EndsBeforeInterruptionAsync(Task.Run(async () =>
        {
            while (source.TryRead(out var eventTopic, out var eventPayload))
            {
                await publisher.PublishAsync(eventTopic, eventPayload, _context.Interrupted);
                progress.Show(source.BytesRead, publisher.Events);
            }
        }));
        progress.Clear();
        await publisher.FinishAsync(interrupted);
        var elapsed = clock.Elapsed;
        await publisher.TellLossesAsync();
        Summarise(publisher, source, elapsed, interrupted);
        return interrupted ? ExitCode.Interrupted
            : publisher.Refused + source.Skipped > 0 ? ExitCode.Failed
            : ExitCode.Done;
    }

    /// <summary>
    /// Waits for the end of the input. Reading from a pipe or terminal cannot be called off, so after an interruption a
    /// reader that still waits is left behind.
    /// </summary>
    private async Task<bool> EndsBeforeInterruptionAsync(Task publishing)
    {
        try
        {
            await publishing.WaitAsync(_context.Interrupted);
            return true;
        }
        catch (OperationCanceledException) when (_context.Interrupted.IsCancellationRequested)
        {
            await Task.WhenAny(publishing, Task.Delay(TimeSpan.FromMilliseconds(100)));
            return false;
        }
    }

    private (string Topic, string? Payload) TopicAndPayload()
    {
        var operands = _arguments.Operands;
        if (_arguments.Get("--topic") is { } named)
        {
            return operands.Count <= 1
                ? (named, operands.Count == 1 ? operands[0] : null)
                : throw new UsageException($"the topic is given twice: --topic {named} and {operands[0]}.");
        }

        return operands.Count > 0
            ? (operands[0], operands.Count > 1 ? operands[1] : null)
            : throw new UsageException("pub needs a topic: nexusctl pub TOPIC [PAYLOAD]. See 'nexusctl pub --help'.");
    }

    private IEventSource OpenSource(string topic, string? payload)
    {
        var csv = _arguments.Get("--csv");
        var file = _arguments.Get("--file");
        var isLines = _arguments.Has("--lines");
        var given = new List<string>();
        AddIf(payload is not null, "a PAYLOAD");
        AddIf(csv is not null, "--csv");
        AddIf(file is not null, "--file");
        AddIf(_arguments.Has("--stdin"), "--stdin");
        AddIf(isLines && file is null, "--lines");
        if (given.Count != 1)
        {
            throw new UsageException(given.Count == 0
                ? "pub needs a payload: give it behind the topic, or use --file, --stdin, --lines or --csv."
                : $"pub takes its payload from one place, not from {string.Join(" and ", given)}.");
        }

        if (_arguments.Has("--columns") && csv is null)
        {
            throw new UsageException("--columns belongs to --csv; give the table with --csv PATH.");
        }

        if (payload is not null)
        {
            return new SinglePayload(topic, Encoding.UTF8.GetBytes(payload));
        }

        if (csv is not null)
        {
            return CsvEvents.Open(InputFile.Open(csv), topic, _arguments.Get("--columns"), _context.Tell);
        }

        var stream = InputFile.Open(file ?? "-");
        return isLines ? new LineEvents(stream, topic) : SinglePayload.ReadAll(topic, stream);

        void AddIf(bool isGiven, string what)
        {
            if (isGiven)
            {
                given.Add(what);
            }
        }
    }

    private void Summarise(PacedPublisher publisher, IEventSource source, TimeSpan elapsed, bool interrupted)
    {
        if (_arguments.Has("--ack") && publisher.Events == 1 && publisher.Refused == 0)
        {
            var result = publisher.LastResult;
            _context.Output.WriteText(
                $"acknowledged: {Plural.Of(result.Local, "local subscription")}, {Plural.Of(result.Peers, "peer")}\n");
            return;
        }

        var isMany = source is not SinglePayload;
        if (isMany || interrupted || publisher.Refused > 0)
        {
            var rate = publisher.Events / Math.Max(elapsed.TotalSeconds, 0.001);
            var text = string.Create(
                CultureInfo.InvariantCulture,
                $"{Plural.Of(publisher.Events, "event")} published in {elapsed.TotalSeconds:0.00} s ({rate:N0}/s)");
            text += publisher.Refused > 0 ? $", {publisher.Refused} refused" : string.Empty;
            text += source.Skipped > 0 ? $", {Plural.Of(source.Skipped, "row")} left out" : string.Empty;
            _context.Tell(text + ".");
        }
    }
}
