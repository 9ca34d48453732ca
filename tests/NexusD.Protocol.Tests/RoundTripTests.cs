using System.Text;
using NexusD.Protocol.App;
using NexusD.Protocol.Frames;
using NexusD.Protocol.Peer;
using NexusD.Protocol.Topics;

namespace NexusD.Protocol.Tests;

/// <summary>Random frames, written and read again. The seed is fixed; a failure names the round.</summary>
public sealed class RoundTripTests
{
    private const int Rounds = 2_000;

    private readonly Random _random = new(1_017);
    private readonly byte[] _frame = new byte[70_000];

    [Fact]
    public void Runs()
    {
        for (int round = 0; round < Rounds; round++)
        {
            string[] payloads = [.. Enumerable.Range(0, _random.Next(1, 20)).Select(_ => Text(_random.Next(0, 300)))];
            uint alias = _random.Next(2) == 0 ? 0 : (uint)_random.Next(1, 65_537);
            (ulong publisher, ulong number, ulong timestamp) = (Number() | 1, Number() >> 1 | 1, Number());
            int properties = WriteProperties(_frame.AsSpan(DeliverFrame.HeaderBytes), alias, out string expected);
            int size = DeliverFrame.HeaderBytes + properties;
            foreach (string payload in payloads)
            {
                size += EventRunBody.Write(_frame.AsSpan(size), Encoding.UTF8.GetBytes(payload));
            }

            DeliverFrame.WriteHeader(
                _frame, size, RunFlags.Retained, properties, (uint)round, alias, publisher, number, timestamp);
            Assert.Equal(ErrorCode.None, DeliverFrame.TryRead(_frame.AsSpan(0, size), out DeliverFrame deliver));
            Assert.Equal(
                (RunFlags.Retained, (uint)round, alias, publisher, number, timestamp),
                (deliver.Flags, deliver.Subscription, deliver.Alias, deliver.Publisher, deliver.Number,
                    deliver.Timestamp));
            Assert.Equal(ErrorCode.None, EventProperties.TryRead(deliver.Properties, alias, out EventProperties read));
            Assert.Equal(expected, $"{Encoding.UTF8.GetString(read.Topic)} {read.TimeToLiveMs} {read.Priority}");
            AssertTopicCanBeTakenOut(deliver.Properties, read);

            ErrorCode error = EventRunBody.Validate(deliver.Body, 1200, size, out int count);
            Assert.Equal((ErrorCode.None, payloads.Length), (error, count));
            RunReader events = new(deliver.Body);
            foreach (string payload in payloads)
            {
                Assert.True(events.TryRead(out ReadOnlySpan<byte> bytes));
                Assert.Equal(payload, Encoding.UTF8.GetString(bytes));
            }

            Assert.False(events.TryRead(out _));
        }
    }

    [Fact]
    public void Gaps()
    {
        for (int round = 0; round < Rounds; round++)
        {
            (ulong from, ulong to) = (Number() >> 2, Number() >> 2);
            GapFrame gap = new()
            {
                Reason = (DropReason)_random.Next(1, 7),
                Subscription = (uint)_random.Next(),
                Publisher = Number() | 1,
                From = Math.Min(from, to),
                To = Math.Max(from, to),
                Count = Number() | 1,
                Where = Encoding.UTF8.GetBytes(Text(_random.Next(0, 20))),
            };
            int size = gap.Write(_frame);
            Assert.Equal(gap.FrameBytes, size);
            Assert.Equal(ErrorCode.None, GapFrame.TryRead(_frame.AsSpan(0, size), out GapFrame read));
            Assert.Equal(
                (gap.Reason, gap.Subscription, gap.Publisher, gap.From, gap.To, gap.Count),
                (read.Reason, read.Subscription, read.Publisher, read.From, read.To, read.Count));
            Assert.True(gap.Where.SequenceEqual(read.Where));
        }
    }

    [Fact]
    public void FilterLists()
    {
        for (int round = 0; round < Rounds; round++)
        {
            string[] filters = [.. Enumerable.Range(0, _random.Next(1, 30)).Select(_ => Text(_random.Next(1, 50)))];
            byte[] subscribe = new byte[20_000];
            byte[] interest = new byte[20_000];
            int subscribeBytes = 0;
            int interestBytes = 0;
            foreach (byte[] filter in filters.Select(Encoding.UTF8.GetBytes))
            {
                subscribeBytes += FilterListReader.Write(subscribe.AsSpan(subscribeBytes), filter);
                interestBytes += InterestReader.Write(interest.AsSpan(interestBytes), InterestChange.Remove, filter);
            }

            Assert.Equal(filters.Length, FilterListReader.Count(subscribe.AsSpan(0, subscribeBytes)));
            FilterListReader listed = new(subscribe.AsSpan(0, subscribeBytes));
            InterestReader entries = new(interest.AsSpan(0, interestBytes));
            foreach (string filter in filters)
            {
                Assert.True(listed.TryRead(out ReadOnlySpan<byte> one));
                Assert.True(entries.TryRead(out InterestChange change, out ReadOnlySpan<byte> two, out _, out _));
                Assert.Equal(filter, Encoding.UTF8.GetString(one));
                Assert.Equal(InterestChange.Remove, change);
                Assert.Equal(filter, Encoding.UTF8.GetString(two));
            }

            Assert.False(entries.TryRead(out _, out _, out _, out _));
            Assert.False(entries.Malformed);
        }
    }

    [Fact]
    public void FilterMatchesAgreeWithARegularExpression()
    {
        string[] levels = ["a", "b", string.Empty, "$x", "ü"];
        string[] asked = [.. levels, "*", "+", "*"];
        int matches = 0;
        for (int round = 0; round < 20_000; round++)
        {
            string name = Join(levels, _random.Next(1, 5));
            string filter = Join(asked, _random.Next(1, 5)) + (_random.Next(3) == 0 ? "/#" : string.Empty);
            if (name.Length == 0 || filter.Length == 0)
            {
                continue;
            }

            // '#' with the slash before it stands for zero or more levels.
            string pattern = "\\A" + filter.Replace("$", "\\$", StringComparison.Ordinal)
                .Replace("*", "[^/]*", StringComparison.Ordinal).Replace("+", "[^/]*", StringComparison.Ordinal)
                .Replace("/#", "(/.*)?", StringComparison.Ordinal) + "\\z";
            bool isHidden = name[0] == '$' && (filter[0] is '*' or '+');
            bool expected = !isHidden && System.Text.RegularExpressions.Regex.IsMatch(name, pattern);
            bool actual = TopicFilter.Parse(filter).Matches(Encoding.UTF8.GetBytes(name));
            Assert.True(expected == actual, $"round {round}: filter '{filter}', name '{name}', expected {expected}");
            matches += actual ? 1 : 0;
        }

        Assert.True(matches > 500, $"only {matches} matches: the test lost its teeth");
    }

    private static void AssertTopicCanBeTakenOut(ReadOnlySpan<byte> list, EventProperties read)
    {
        byte[] rest = new byte[list.Length];
        int length = read.CopyWithoutTopic(list, rest);
        Assert.Equal(list.Length - read.TopicBytes, length);
        Assert.Equal(ErrorCode.None, EventProperties.TryRead(rest.AsSpan(0, length), 1, out EventProperties again));
        Assert.Equal((read.TimeToLiveMs, read.Priority, 0), (again.TimeToLiveMs, again.Priority, again.TopicBytes));
        if (read.TryGetWithoutTopic(list, out ReadOnlySpan<byte> part))
        {
            Assert.True(part.SequenceEqual(rest.AsSpan(0, length)));
        }
    }

    private int WriteProperties(Span<byte> destination, uint alias, out string expected)
    {
        PropertyWriter writer = new(destination);
        string topic = alias == 0 ? Text(_random.Next(1, 100)) : string.Empty;
        uint timeToLive = _random.Next(2) == 0 ? 0 : (uint)_random.Next(1, int.MaxValue);
        Priority priority = (Priority)_random.Next(3);
        int topicAt = _random.Next(4);
        for (int place = 0; place < 4; place++)
        {
            if (place == topicAt && alias == 0)
            {
                writer.Write(PropertyId.Topic, Encoding.UTF8.GetBytes(topic));
            }

            if (place == 0 && timeToLive != 0)
            {
                writer.Write(PropertyId.TimeToLive, timeToLive);
            }

            if (place == 1 && priority != Priority.Normal)
            {
                writer.Write(PropertyId.Priority, (byte)priority);
            }

            if (place == 2 && _random.Next(2) == 0)
            {
                writer.WriteEventHeader("k"u8, "v"u8);
            }
        }

        expected = $"{topic} {timeToLive} {priority}";
        return writer.Written;
    }

    private string Join(string[] levels, int count) =>
        string.Join('/', Enumerable.Range(0, count).Select(_ => levels[_random.Next(levels.Length)]));

    private string Text(int length)
    {
        const string Letters = "abcdefgh/0123456789äß東";
        return string.Concat(Enumerable.Range(0, length).Select(_ => Letters[_random.Next(Letters.Length)]));
    }

    private ulong Number() => (ulong)_random.NextInt64(long.MinValue, long.MaxValue);
}
