using System.Globalization;
using NexusD.Protocol;

namespace NexusdBench.History;

/// <summary>
/// A history as text, a record a line, fields with blanks between: first what it is, then whose (the number of a
/// publisher or subscription), then the fields of its record in their order. Text that may hold blanks stands last.
/// </summary>
internal static class HistoryFile
{
    private const string Head = "nexusd-history 1";

    internal static void Write(RunHistory history, TextWriter to)
    {
        to.WriteLine(Head);
        to.WriteLine(Line("plan", history.Plan.Seed, history.Plan.Topics, history.Grace, history.Plan.Prefix));
        foreach (var fault in history.Faults)
        {
            to.WriteLine(Line("fault", fault.From, fault.To, fault.Nodes, fault.Text));
        }

        for (var i = 0; i < history.Publishers.Count; i++)
        {
            Write(history.Publishers[i], i, to);
        }

        for (var i = 0; i < history.Subscriptions.Count; i++)
        {
            Write(history.Subscriptions[i], i, to);
        }
    }

    /// <exception cref="BenchUsageException">It is no history; the text says where.</exception>
    internal static RunHistory Read(TextReader from)
    {
        if (from.ReadLine() != Head)
        {
            throw new BenchUsageException($"the file is no history: its first line is not '{Head}'.");
        }

        RunHistory? history = null;
        var number = 1;
        while (from.ReadLine() is { } line)
        {
            number++;
            try
            {
                var fields = new HistoryFields(line);
                var kind = fields.Word();
                if (history is null)
                {
                    history = kind == "plan" ? ReadPlan(fields) : throw new FormatException("no plan");
                }
                else
                {
                    Take(history, kind, fields);
                }
            }
            catch (Exception e) when (e is FormatException or OverflowException or ArgumentException)
            {
                throw new BenchUsageException($"line {number} of the history cannot be read ({e.Message}): {line}");
            }
        }

        return history ?? throw new BenchUsageException("the history has no plan.");
    }

    private static void Write(PublisherLog log, int i, TextWriter to)
    {
        to.WriteLine(Line("publisher", log.Begin, log.Name));
        log.Sent.ForEach(s => to.WriteLine(Line("sent", i, s.First, s.Last, s.Clock)));
        log.Doubts.ForEach(d => to.WriteLine(Line("doubt", i, d.First, d.Last, d.AtMost)));
        log.Connections.ForEach(c => to.WriteLine(Connection("publisher-connected", i, c)));
        log.Notices.ForEach(n => to.WriteLine(
            Line("notice", i, n.Publisher, n.From, n.To, n.Count, (int)n.Reason, n.Where)));
    }

    private static void Write(SubscriptionLog log, int i, TextWriter to)
    {
        to.WriteLine(Line("subscription", log.Scope, log.IsPerTopic, log.Resumes, log.Name));
        log.Connections.ForEach(c => to.WriteLine(Connection("subscriber-connected", i, c)));
        log.Runs.ForEach(r => to.WriteLine(
            Line("run", i, r.Order, r.Connection, r.Publisher, r.Stream, r.Kind, r.First, r.Last)));
        log.Gaps.ForEach(g => to.WriteLine(
            Line("gap", i, g.Order, g.Connection, g.Publisher, g.From, g.To, g.Count, (int)g.Reason, g.Where)));
        log.Bad.ForEach(b => to.WriteLine(Line("bad", i, b.Kind, b.Publisher, b.Number, b.Text)));
    }

    private static string Connection(string kind, int i, in ConnectionRecord c) => Line(
        kind, i, c.Clock, c.BrokenClock, c.NodeId, c.Publisher, c.LeftInOrder, c.ConfirmedBefore, c.SentBefore, c.Node);

    private static string Line(params object[] fields) =>
        string.Join(' ', fields.Select(f => Convert.ToString(f, CultureInfo.InvariantCulture)));

    private static RunHistory ReadPlan(HistoryFields f)
    {
        var (seed, topics, grace) = ((int)f.Whole(), (int)f.Whole(), f.Whole());
        return topics is > 0 and <= 10_000
            ? new RunHistory(new EventPlan(seed, topics, f.Rest())) { Grace = grace }
            : throw new FormatException("topics out of range");
    }

    private static void Take(RunHistory history, string kind, HistoryFields f)
    {
        switch (kind)
        {
            case "fault":
                history.Faults.Add(new FaultSpan(f.Whole(), f.Whole(), f.Word(), f.Rest()));
                break;
            case "publisher":
                var begin = f.Whole();
                history.Publishers.Add(new PublisherLog(f.Rest()) { Begin = begin });
                break;
            case "sent" or "doubt" or "publisher-connected" or "notice":
                TakeOfPublisher(history.Publishers[(int)f.Whole()], kind, f);
                break;
            case "subscription":
                var (scope, perTopic, resumes) = (Enum.Parse<TopicScope>(f.Word()), f.Truth(), f.Truth());
                history.Subscriptions.Add(new SubscriptionLog(f.Rest(), scope, perTopic, resumes));
                break;
            case "run" or "gap" or "bad" or "subscriber-connected":
                TakeOfSubscription(history.Subscriptions[(int)f.Whole()], kind, f);
                break;
            default:
                throw new FormatException($"there is no record '{kind}'");
        }
    }

    private static void TakeOfPublisher(PublisherLog log, string kind, HistoryFields f)
    {
        switch (kind)
        {
            case "sent":
                log.Sent.Add(new SentSpan(f.Whole(), f.Whole(), f.Whole()));
                break;
            case "doubt":
                log.Doubts.Add(new DoubtSpan(f.Whole(), f.Whole(), f.Whole()));
                break;
            case "notice":
                log.Notices.Add(new ToldNotice(
                    f.Id(), f.Whole(), f.Whole(), f.Whole(), (DropReason)f.Whole(), f.Rest()));
                break;
            default:
                log.Connections.Add(ReadConnection(f));
                break;
        }
    }

    private static void TakeOfSubscription(SubscriptionLog log, string kind, HistoryFields f)
    {
        switch (kind)
        {
            case "run":
                log.Runs.Add(new DeliveredRun(
                    f.Whole(), Connection(log, f), (int)f.Whole(), (int)f.Whole(),
                    Enum.Parse<DeliveryKind>(f.Word()), f.Whole(), f.Whole()));
                break;
            case "gap":
                log.Gaps.Add(new ToldGap(
                    f.Whole(), Connection(log, f), f.Id(), f.Whole(), f.Whole(), f.Whole(),
                    (DropReason)f.Whole(), f.Rest()));
                break;
            case "bad":
                log.Bad.Add(new BadDelivery(
                    Enum.Parse<ViolationKind>(f.Word()), (int)f.Whole(), f.Whole(), f.Rest()));
                break;
            default:
                log.Connections.Add(ReadConnection(f));
                break;
        }
    }

    private static int Connection(SubscriptionLog log, HistoryFields f) =>
        f.Whole() is var c && c >= 0 && c < log.Connections.Count
            ? (int)c
            : throw new FormatException("a connection that is not listed before");

    private static ConnectionRecord ReadConnection(HistoryFields f)
    {
        var (clock, broken, nodeId, publisher) = (f.Whole(), f.Whole(), f.Word(), f.Id());
        var (left, confirmed, sent) = (f.Truth(), f.Whole(), f.Whole());
        return new ConnectionRecord(clock, broken, f.Rest(), nodeId, publisher, left, confirmed, sent);
    }
}
