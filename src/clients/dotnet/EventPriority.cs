namespace NexusdClient;

/// <summary>Priority class of an event; the numbers are those on the wire.</summary>
public enum EventPriority : byte
{
    Normal = 0,
    High = 1,
    Low = 2,
}
