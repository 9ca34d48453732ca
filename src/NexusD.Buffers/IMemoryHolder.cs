namespace NexusD.Buffers;

/// <summary>
/// A part of the program that holds memory for others and can give some of it up. Called on the loop's thread, never
/// while an event of it is being handed on.
/// </summary>
public interface IMemoryHolder
{
    /// <summary>Adds what it holds outside of slabs, in bytes, at the place of each <see cref="MemoryKind"/>.</summary>
    void AddHeld(Span<long> bytesByKind);

    /// <summary>Gives up about so many bytes of what only saves time or is asked for rarely.</summary>
    void ShrinkCaches(long bytes);

    /// <summary>Tells of each line of events that it keeps, and may shorten, how many bytes it holds.</summary>
    void AddLines(MemoryLevels levels);

    /// <summary>
    /// Shortens each line to a ceiling in bytes, dropping events by the line's policy and telling so. Also called, with
    /// a higher ceiling than before, when memory is free again.
    /// </summary>
    void Lower(long ceiling);
}
