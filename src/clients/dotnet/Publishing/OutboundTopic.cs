namespace NexusdClient.Publishing;

/// <summary>A topic that this client publishes to. Guarded by the gate of the outbox.</summary>
internal sealed class OutboundTopic(string text, byte[] utf8, uint alias)
{
    internal string Text { get; } = text;

    internal byte[] Utf8 { get; } = utf8;

    /// <summary>
    /// The alias; 0: the name goes with each frame. It becomes 0 when a later daemon takes fewer aliases.
    /// </summary>
    internal uint Alias { get; set; } = alias;

    /// <summary>Whether the declaration stands in the log or was sent when the connection was made.</summary>
    internal bool Declared { get; set; }
}
