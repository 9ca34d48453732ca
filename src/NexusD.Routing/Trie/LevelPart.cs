namespace NexusD.Routing.Trie;

/// <summary>One level of a topic name or filter: where it stands in the text, and its hash.</summary>
internal readonly record struct LevelPart(ushort Start, ushort Length, uint Hash)
{
    /// <summary>Most levels of a name or filter (docs/protocol/topics.md).</summary>
    public const int MaxLevels = 64;

    public ReadOnlySpan<byte> Of(ReadOnlySpan<byte> text) => text.Slice(Start, Length);

    /// <summary>Cuts a text into its levels; <paramref name="parts"/> has room for <see cref="MaxLevels"/>.</summary>
    /// <returns>The number of levels.</returns>
    /// <exception cref="ArgumentException">The text was not validated: it has too many levels or bytes.</exception>
    public static int Split(ReadOnlySpan<byte> text, Span<LevelPart> parts)
    {
        int count = 0;
        int start = 0;
        while (true)
        {
            if (count == parts.Length || start > ushort.MaxValue)
            {
                throw new ArgumentException("the topic has more levels than a valid one", nameof(text));
            }

            ReadOnlySpan<byte> rest = text[start..];
            int end = rest.IndexOf((byte)'/');
            ReadOnlySpan<byte> level = end < 0 ? rest : rest[..end];
            parts[count++] = new LevelPart((ushort)start, (ushort)level.Length, LevelHash.Compute(level));
            if (end < 0)
            {
                return count;
            }

            start += end + 1;
        }
    }
}
