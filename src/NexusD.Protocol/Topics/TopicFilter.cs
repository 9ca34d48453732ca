using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace NexusD.Protocol.Topics;

/// <summary>
/// A topic filter, parsed once: docs/protocol/topics.md "Filters". Immutable; filters that differ only in the spelling
/// of wildcards are equal. Safe on any thread.
/// </summary>
public sealed class TopicFilter : IEquatable<TopicFilter>
{
    private const byte SingleMark = (byte)'*';
    private const byte MultiMark = (byte)'#';

    private readonly byte[] _canonical;
    private readonly ushort[] _starts;
    private readonly FilterLevelKind[] _kinds;

    private TopicFilter(byte[] canonical, ushort[] starts, FilterLevelKind[] kinds)
    {
        _canonical = canonical;
        _starts = starts;
        _kinds = kinds;
        Hash = Fnv1a64.Hash(canonical);
        HasWildcard = kinds.AsSpan().ContainsAnyExcept(FilterLevelKind.Literal);
    }

    /// <summary>The filter in its canonical spelling (<c>*</c> and <c>#</c>), UTF-8.</summary>
    public ReadOnlySpan<byte> Canonical => _canonical;

    /// <summary>The canonical spelling as memory, for those who keep it.</summary>
    public ReadOnlyMemory<byte> CanonicalMemory => _canonical;

    /// <summary>
    /// 64-bit FNV-1a hash of the canonical bytes: what this filter adds to the digest of INTEREST_STATE.
    /// </summary>
    public ulong Hash { get; }

    /// <summary>Number of levels, 1 to 64; a wildcard is one.</summary>
    public int LevelCount => _kinds.Length;

    /// <summary>False when the filter is a plain name and matches that name alone.</summary>
    public bool HasWildcard { get; }

    /// <summary>True when the filter asks for topics of the system, that is, starts with <c>$</c>.</summary>
    public bool IsSystem => _canonical[0] == (byte)'$';

    /// <summary>Parses a filter; on an error the filter is null.</summary>
    public static TopicError TryParse(ReadOnlySpan<byte> utf8, out TopicFilter? filter)
    {
        filter = null;
        TopicError error = TopicName.ValidateText(utf8);
        if (error != TopicError.None)
        {
            return error;
        }

        if (utf8.Contains((byte)0))
        {
            return TopicError.ContainsNul;
        }

        int levels = utf8.Count(TopicName.Separator) + 1;
        byte[] canonical = new byte[utf8.Length];
        ushort[] starts = new ushort[levels];
        FilterLevelKind[] kinds = new FilterLevelKind[levels];
        int length = 0;
        int number = 0;
        foreach (Range range in utf8.Split(TopicName.Separator))
        {
            ReadOnlySpan<byte> level = utf8[range];
            error = Classify(level, out kinds[number]);
            if (error != TopicError.None)
            {
                return error;
            }

            if (kinds[number] == FilterLevelKind.Multi && number != levels - 1)
            {
                return TopicError.MultiLevelNotLast;
            }

            starts[number] = (ushort)length;
            length += WriteLevel(level, kinds[number], canonical.AsSpan(length));
            if (++number < levels)
            {
                canonical[length++] = TopicName.Separator;
            }
        }

        if (utf8.SequenceEqual("$share"u8) || utf8.StartsWith("$share/"u8))
        {
            return TopicError.ReservedPrefix;
        }

        filter = new TopicFilter(length == canonical.Length ? canonical : canonical[..length], starts, kinds);
        return TopicError.None;
    }

    /// <summary>Parses text; throws <see cref="FormatException"/> that says what is wrong.</summary>
    public static TopicFilter Parse(string text)
    {
        TopicError error = TryParse(Encoding.UTF8.GetBytes(text), out TopicFilter? filter);
        return filter ?? throw new FormatException($"The filter '{text}' is invalid: {error.Describe()}");
    }

    /// <summary>What level <paramref name="number"/> (from 0) asks for.</summary>
    public FilterLevelKind KindOf(int number) => _kinds[number];

    /// <summary>The bytes of level <paramref name="number"/> (from 0) in canonical spelling, without slashes.</summary>
    public ReadOnlySpan<byte> Level(int number)
    {
        int start = _starts[number];
        int end = number + 1 < _starts.Length ? _starts[number + 1] - 1 : _canonical.Length;
        return _canonical.AsSpan(start, end - start);
    }

    /// <summary>
    /// Whether a valid name matches. The rule written down plainly, level by level; routing has faster ways, which are
    /// tested against this one.
    /// </summary>
    public bool Matches(ReadOnlySpan<byte> name)
    {
        if (TopicName.IsSystem(name) && _kinds[0] != FilterLevelKind.Literal)
        {
            return false;
        }

        int number = 0;
        foreach (Range range in name.Split(TopicName.Separator))
        {
            if (number == LevelCount)
            {
                return false;
            }

            if (_kinds[number] == FilterLevelKind.Multi)
            {
                return true;
            }

            if (_kinds[number] == FilterLevelKind.Literal && !Level(number).SequenceEqual(name[range]))
            {
                return false;
            }

            number++;
        }

        // All levels of the name are used up: the filter must be too, or ask for zero or more levels after them.
        return number == LevelCount || _kinds[number] == FilterLevelKind.Multi;
    }

    public bool Equals([NotNullWhen(true)] TopicFilter? other) =>
        other is not null && Hash == other.Hash && _canonical.AsSpan().SequenceEqual(other._canonical);

    public override bool Equals(object? obj) => Equals(obj as TopicFilter);

    public override int GetHashCode() => Hash.GetHashCode();

    /// <summary>The canonical spelling.</summary>
    public override string ToString() => Encoding.UTF8.GetString(_canonical);

    private static TopicError Classify(ReadOnlySpan<byte> level, out FilterLevelKind kind)
    {
        kind = FilterLevelKind.Literal;
        if (level.SequenceEqual("*"u8) || level.SequenceEqual("+"u8))
        {
            kind = FilterLevelKind.Single;
        }
        else if (level.SequenceEqual("#"u8) || level.SequenceEqual("**"u8))
        {
            kind = FilterLevelKind.Multi;
        }
        else if (level.ContainsAny("*+#"u8))
        {
            return TopicError.WildcardInsideLevel;
        }

        return TopicError.None;
    }

    private static int WriteLevel(ReadOnlySpan<byte> level, FilterLevelKind kind, Span<byte> destination)
    {
        if (kind == FilterLevelKind.Literal)
        {
            level.CopyTo(destination);
            return level.Length;
        }

        destination[0] = kind == FilterLevelKind.Single ? SingleMark : MultiMark;
        return 1;
    }
}
