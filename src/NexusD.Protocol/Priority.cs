namespace NexusD.Protocol;

/// <summary>Priority class of a run: value of property 0x06 and class of a lane. Numbers are frozen.</summary>
public enum Priority : byte
{
    Normal = 0,
    High = 1,
    Low = 2,
}
