namespace NexusD.Protocol.App;

/// <summary>The last event that a subscription had of a publisher in a priority class.</summary>
/// <param name="Publisher">Publisher id, not 0.</param>
/// <param name="Number">Number of the event, 1 to 2^63 - 1.</param>
/// <param name="Timestamp">Its hybrid clock value.</param>
/// <param name="Priority">Its class.</param>
public readonly record struct ResumeEntry(ulong Publisher, ulong Number, ulong Timestamp, Priority Priority);
