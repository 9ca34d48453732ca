using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using NexusD.Protocol.Topics;

namespace NexusD.Protocol.Tests.Vectors;

/// <summary>Runs each record of topics.json.</summary>
public sealed class TopicVectorTests
{
    private const string File = "topics.json";

    public static TheoryData<string> Names => VectorFile.Ids(File, "names");

    public static TheoryData<string> Filters => VectorFile.Ids(File, "filters");

    public static TheoryData<string> Matches => VectorFile.Ids(File, "matches");

    public static TheoryData<string> Groups => VectorFile.Ids(File, "groups");

    public static TheoryData<string> Hashes => VectorFile.Ids(File, "hashes");

    [Theory]
    [MemberData(nameof(Names))]
    public void Name(string id)
    {
        JsonObject record = VectorFile.LoadList(File, "names")[id];
        AssertVerdict(record, TopicName.Validate(Utf8(record)));
    }

    [Theory]
    [MemberData(nameof(Filters))]
    public void Filter(string id)
    {
        JsonObject record = VectorFile.LoadList(File, "filters")[id];
        AssertVerdict(record, TopicFilter.TryParse(Utf8(record), out TopicFilter? filter));
        Assert.Equal(record.Flag("valid"), filter is not null);
        if (filter is null)
        {
            return;
        }

        string canonical = record.Name("canonical");
        Assert.Equal(canonical, filter.ToString());
        Assert.Equal(canonical.Split('/').Length, filter.LevelCount);
        for (int number = 0; number < filter.LevelCount; number++)
        {
            string level = canonical.Split('/')[number];
            Assert.Equal(level, Encoding.UTF8.GetString(filter.Level(number)));
            FilterLevelKind kind = level == "*" ? FilterLevelKind.Single
                : level == "#" ? FilterLevelKind.Multi : FilterLevelKind.Literal;
            Assert.Equal(kind, filter.KindOf(number));
        }

        TopicFilter again = TopicFilter.Parse(canonical);
        Assert.Equal(again, filter);
        Assert.Equal(again.GetHashCode(), filter.GetHashCode());
        Assert.Equal(canonical.Contains('*') || canonical.Contains('#'), filter.HasWildcard);
    }

    [Theory]
    [MemberData(nameof(Groups))]
    public void Group(string id)
    {
        JsonObject record = VectorFile.LoadList(File, "groups")[id];
        byte[] text = Utf8(record);
        Assert.True(GroupFilter.IsGroup(text));
        AssertVerdict(record, GroupFilter.TryParse(text, out GroupFilter? filter));
        Assert.Equal(record.Flag("valid"), filter is not null);
        Assert.Equal(TopicError.ReservedPrefix, TopicFilter.TryParse("$share/g/a"u8, out _));
        if (filter is not null)
        {
            Assert.Equal(record.Name("canonical"), filter.ToString());
            Assert.Equal(record.Name("group"), filter.Name);
            Assert.Equal(record.Name("filter"), filter.Filter.ToString());
            Assert.Equal(GroupFilter.Parse(record.Name("canonical")), filter);
            Assert.Equal(Fnv1a64.Hash(filter.Canonical), filter.Hash);
        }
    }

    [Theory]
    [MemberData(nameof(Matches))]
    public void Match(string id)
    {
        JsonObject record = VectorFile.LoadList(File, "matches")[id];
        byte[] name = record.Utf8("name");
        Assert.Equal(TopicError.None, TopicName.Validate(name));
        Assert.Equal(record.Flag("matches"), TopicFilter.Parse(record.Name("filter")).Matches(name));
    }

    [Theory]
    [MemberData(nameof(Hashes))]
    public void Hash(string id)
    {
        JsonObject record = VectorFile.LoadList(File, "hashes")[id];
        ulong expected = ulong.Parse(record.Name("fnv1a64_hex"), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        Assert.Equal(expected, Fnv1a64.Hash(record.Utf8("text")));
        Assert.Equal(expected, TopicFilter.Parse(record.Name("text")).Hash);
    }

    private static byte[] Utf8(JsonObject record) =>
        record["hex"] is JsonNode hex ? VectorFile.Bytes(hex) : record.Utf8("text");

    private static void AssertVerdict(JsonObject record, TopicError error)
    {
        Assert.Equal(record.Flag("valid"), error == TopicError.None);
        if (error != TopicError.None)
        {
            string reason = record.Name("reason").Replace("_", string.Empty, StringComparison.Ordinal);
            Assert.Equal(reason, error.ToString().ToLowerInvariant());
            Assert.EndsWith(".", error.Describe(), StringComparison.Ordinal);
        }
    }
}
