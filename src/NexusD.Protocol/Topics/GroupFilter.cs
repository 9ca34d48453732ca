using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace NexusD.Protocol.Topics;

/// <summary>
/// A filter of a group, <c>$share/&lt;group&gt;/&lt;filter&gt;</c>, parsed once: docs/protocol/topics.md "Groups".
/// Two of
/// them are one group exactly when they are equal: the same name and the same filter in canonical spelling. Immutable;
/// safe on any thread.
/// </summary>
public sealed class GroupFilter : IEquatable<GroupFilter>
{
    /// <summary>Longest name of a group in bytes.</summary>
    public const int MaxNameBytes = 64;

    private readonly byte[] _canonical;

    private GroupFilter(byte[] canonical, string name, TopicFilter filter)
    {
        _canonical = canonical;
        Name = name;
        Filter = filter;
        Hash = Fnv1a64.Hash(canonical);
    }

    /// <summary>The prefix, with its slash.</summary>
    public static ReadOnlySpan<byte> Prefix => "$share/"u8;

    /// <summary>The group's name.</summary>
    public string Name { get; }

    /// <summary>Which events the group gets.</summary>
    public TopicFilter Filter { get; }

    /// <summary>The whole text in canonical spelling, UTF-8.</summary>
    public ReadOnlySpan<byte> Canonical => _canonical;

    /// <summary>64-bit FNV-1a hash of the canonical bytes.</summary>
    public ulong Hash { get; }

    /// <summary>Whether a filter asks to be a member of a group, rightly or not.</summary>
    public static bool IsGroup(ReadOnlySpan<byte> utf8) => utf8.StartsWith(Prefix) || utf8.SequenceEqual(Prefix[..^1]);

    /// <summary>Parses a filter that <see cref="IsGroup"/>; on an error it is null.</summary>
    public static TopicError TryParse(ReadOnlySpan<byte> utf8, out GroupFilter? filter)
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

        if (!utf8.StartsWith(Prefix))
        {
            return TopicError.BadGroup;
        }

        ReadOnlySpan<byte> rest = utf8[Prefix.Length..];
        int slash = rest.IndexOf(TopicName.Separator);
        if (slash is < 1 or > MaxNameBytes || rest[..slash].ContainsAny("*+#"u8))
        {
            return TopicError.BadGroup;
        }

        error = TopicFilter.TryParse(rest[(slash + 1)..], out TopicFilter? inner);
        if (inner is null)
        {
            return error;
        }

        ReadOnlySpan<byte> name = rest[..slash];
        filter = new GroupFilter([.. Prefix, .. name, TopicName.Separator, .. inner.Canonical],
            Encoding.UTF8.GetString(name), inner);
        return TopicError.None;
    }

    /// <summary>Parses text; throws <see cref="FormatException"/> that says what is wrong.</summary>
    public static GroupFilter Parse(string text)
    {
        TopicError error = TryParse(Encoding.UTF8.GetBytes(text), out GroupFilter? filter);
        return filter ?? throw new FormatException($"The filter '{text}' is invalid: {error.Describe()}");
    }

    /// <summary>
    /// What one member adds (by XOR) to the digest of INTEREST_STATE: docs/protocol/peer-v1.md "INTEREST".
    /// </summary>
    public ulong MemberHash(uint member, GroupStrategy strategy) =>
        Fnv1a64.Add(Fnv1a64.Add(Hash, (ulong)member), (ulong)strategy);

    public bool Equals([NotNullWhen(true)] GroupFilter? other) =>
        other is not null && Hash == other.Hash && _canonical.AsSpan().SequenceEqual(other._canonical);

    public override bool Equals(object? obj) => Equals(obj as GroupFilter);

    public override int GetHashCode() => Hash.GetHashCode();

    /// <summary>The canonical spelling.</summary>
    public override string ToString() => Encoding.UTF8.GetString(_canonical);
}
