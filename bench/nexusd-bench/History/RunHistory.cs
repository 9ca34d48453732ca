namespace NexusdBench.History;

/// <summary>Everything that the clients of a run saw.</summary>
internal sealed class RunHistory(EventPlan plan)
{
    internal EventPlan Plan { get; } = plan;

    internal List<PublisherLog> Publishers { get; } = [];

    internal List<SubscriptionLog> Subscriptions { get; } = [];

    internal List<FaultSpan> Faults { get; } = [];

    /// <summary>
    /// Time for which a node that was started anew may not know yet who wants what, in nanoseconds.
    /// </summary>
    internal long Grace { get; set; } = 3_000_000_000;

    /// <summary>
    /// Until when a connection that was made at <paramref name="clock"/> excuses losses between two nodes.
    /// </summary>
    internal long ExcusedUntil(long clock, string one, string other)
    {
        var until = clock + Grace;
        for (var again = true; again;)
        {
            again = false;
            foreach (var fault in Faults)
            {
                if (fault.Concerns(one, other) && fault.From <= until && fault.To + Grace > until)
                {
                    until = fault.To + Grace;
                    again = true;
                }
            }
        }

        return until;
    }
}
