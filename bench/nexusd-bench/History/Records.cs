using NexusD.Protocol;

namespace NexusdBench.History;

/// <summary>Clocks of a history are nanoseconds since the run began.</summary>
/// <param name="First">First number that was handed to the client.</param>
/// <param name="Last">Last one.</param>
/// <param name="Clock">When the last one was.</param>
internal readonly record struct SentSpan(long First, long Last, long Clock);

/// <summary>
/// Events that may have been lost on the way to their own daemon: <see cref="AtMost"/> of those from
/// <see cref="First"/> to <see cref="Last"/>.
/// </summary>
internal readonly record struct DoubtSpan(long First, long Last, long AtMost);

/// <summary>A client connected, for the first time or again.</summary>
/// <param name="Clock">When the daemon had welcomed it.</param>
/// <param name="BrokenClock">When the connection before was lost; 0 for the first one.</param>
/// <param name="Node">Name of the node.</param>
/// <param name="NodeId">Id of the daemon's process.</param>
/// <param name="Publisher">Publisher id in force.</param>
/// <param name="LeftInOrder">Whether the daemon before had said that it was leaving.</param>
/// <param name="ConfirmedBefore">Of a publisher: last number that was certainly taken before.</param>
/// <param name="SentBefore">Of a publisher: last number that was handed over before.</param>
internal readonly record struct ConnectionRecord(
    long Clock,
    long BrokenClock,
    string Node,
    string NodeId,
    ulong Publisher,
    bool LeftInOrder,
    long ConfirmedBefore,
    long SentBefore);

/// <summary>How events came.</summary>
internal enum DeliveryKind
{
    Live,
    Retained,
    Replayed,
}

/// <summary>
/// All events of one stream (see <see cref="EventPlan.StreamOf"/>) from one number to another that the subscription
/// wants, in order.
/// </summary>
/// <param name="Order">Place among the runs and gaps of the subscription: when its first event came.</param>
/// <param name="Connection">Number of the subscriber's connection, from 0.</param>
internal readonly record struct DeliveredRun(
    long Order, int Connection, int Publisher, int Stream, DeliveryKind Kind, long First, long Last);

/// <summary>What a subscription was told as lost.</summary>
internal readonly record struct ToldGap(
    long Order, int Connection, ulong Publisher, long From, long To, long Count, DropReason Reason, string Where);

/// <summary>What a publisher was told as lost.</summary>
internal readonly record struct ToldNotice(
    ulong Publisher, long From, long To, long Count, DropReason Reason, string Where);

/// <summary>A delivery that cannot be right by itself.</summary>
internal readonly record struct BadDelivery(ViolationKind Kind, int Publisher, long Number, string Text);

/// <summary>A disturbance that the run made; what it excuses lasts as long as it does.</summary>
/// <param name="Nodes">
/// The node that it concerns, or two with <c>+</c> that it keeps from each other, <c>*</c> for all, <c>-</c> for none.
/// </param>
internal readonly record struct FaultSpan(long From, long To, string Nodes, string Text)
{
    /// <summary>Whether it may keep the events of one node from another.</summary>
    internal bool Concerns(string one, string other) =>
        Nodes == one || Keeps(one, other);

    /// <summary>Whether it may keep a node from another one but by stopping that node itself.</summary>
    internal bool Keeps(string node, string other) =>
        Nodes == "*" || Nodes == other || Nodes == $"{node}+{other}" || Nodes == $"{other}+{node}"
        || (Nodes == node && Text.StartsWith("isolate", StringComparison.Ordinal));
}
