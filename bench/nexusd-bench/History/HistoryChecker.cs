namespace NexusdBench.History;

/// <summary>
/// Holds a history against the promises of docs/protocol/app-v1.md: no event twice, none out of its publisher's order
/// in its class, none that was not published or asked for, and none missing that was not told as lost before the next
/// event of its stream. What the protocol excepts is listed at <see cref="MissingEvents"/> and counted apart.
/// </summary>
internal static class HistoryChecker
{
    /// <param name="history">Complete: every client has settled or given up.</param>
    /// <param name="strict">Whether nothing is excused that went with a process or passed an absent subscriber.</param>
    internal static Verdict Check(RunHistory history, bool strict)
    {
        var verdict = new Verdict();
        var scans = history.Subscriptions.ConvertAll(s => new DeliveryScan(history, s, verdict));
        foreach (var subscription in history.Subscriptions)
        {
            CheckBad(history, subscription, verdict);
        }

        for (var p = 0; p < history.Publishers.Count; p++)
        {
            CheckPublisher(history, p, scans, strict, verdict);
        }

        return verdict;
    }

    private static void CheckPublisher(
        RunHistory history, int publisher, List<DeliveryScan> scans, bool strict, Verdict verdict)
    {
        var log = history.Publishers[publisher];
        var inDoubt = new HashSet<long>();
        for (var s = 0; s < scans.Count; s++)
        {
            var missing = new MissingEvents(history, history.Subscriptions[s], publisher, scans[s], strict);
            missing.Find(n => scans.Exists(other => other.Has(publisher, n)), verdict);
            verdict.Pairs[(s, publisher)] = missing.Figures;
            inDoubt.UnionWith(missing.InDoubt);
        }

        foreach (var doubt in log.Doubts)
        {
            var gone = inDoubt.Count(n => doubt.First <= n && n <= doubt.Last);
            if (gone > doubt.AtMost)
            {
                verdict.Add(new Violation(
                    ViolationKind.Untaken, "every subscription", log.Name,
                    $"{gone} events from {doubt.First} to {doubt.Last} came nowhere; at most {doubt.AtMost} were in "
                    + "doubt"));
            }
        }

        foreach (var notice in log.Notices)
        {
            if (!log.Has(notice.Publisher) || notice.From < 1 || notice.To > log.LastSent)
            {
                verdict.Add(new Violation(
                    ViolationKind.BadNotice, notice.Where, log.Name,
                    $"told of the loss of {notice.Count} events from {notice.From} to {notice.To} "
                    + $"of {notice.Publisher}"));
            }
        }
    }

    private static void CheckBad(RunHistory history, SubscriptionLog subscription, Verdict verdict)
    {
        foreach (var bad in subscription.Bad)
        {
            var publisher = (uint)bad.Publisher < (uint)history.Publishers.Count
                ? history.Publishers[bad.Publisher].Name
                : $"{bad.Publisher}";
            verdict.Add(new Violation(bad.Kind, subscription.Name, publisher, $"event {bad.Number}: {bad.Text}"));
        }

        foreach (var gap in subscription.Gaps)
        {
            var log = gap.Publisher == 0 ? null : history.Publishers.Find(p => p.Has(gap.Publisher));
            if (log is not null && gap.To > log.LastSent)
            {
                verdict.Add(new Violation(
                    ViolationKind.OverTold, subscription.Name, log.Name,
                    $"{gap.Count} events from {gap.From} to {gap.To} were told as lost; the last is {log.LastSent}"));
            }
        }
    }
}
