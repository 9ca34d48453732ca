using NexusD.Protocol;
using NexusD.Routing.Retained;
using NexusD.Routing.Tests.Support;
using Xunit;

namespace NexusD.Routing.Tests.Retained;

public sealed class RetainedStoreTests
{
    private readonly Router _router = Mesh.Router();
    private readonly RetainedStore _store = new(100, 1 << 20);

    [Fact]
    public void TheNewestByTimestampPublisherAndNumberStays()
    {
        Assert.Equal(RetainedOutcome.Kept, Apply("t", "a", timestamp: At(5), publisher: 2, number: 7));
        Assert.Equal(RetainedOutcome.Older, Apply("t", "b", timestamp: At(4), publisher: 9, number: 9));
        Assert.Equal(RetainedOutcome.Older, Apply("t", "b", timestamp: At(5), publisher: 1, number: 9));
        Assert.Equal(RetainedOutcome.Older, Apply("t", "b", timestamp: At(5), publisher: 2, number: 7));
        Assert.Equal("a", Texts("t"));
        Assert.Equal(RetainedOutcome.Kept, Apply("t", "c", timestamp: At(5), publisher: 2, number: 8));
        Assert.Equal(RetainedOutcome.Kept, Apply("t", "d", timestamp: At(5), publisher: 3, number: 1));
        Assert.Equal(RetainedOutcome.Kept, Apply("t", "e", timestamp: At(6), publisher: 1, number: 1));
        Assert.Equal("e", Texts("t"));
        Assert.Equal(1, _store.Count);
    }

    [Fact]
    public void TheLastEventOfARunCounts()
    {
        EventRun run = Runs.Of(_router.Topic("t"), Runs.Body("1", "2", "3"), number: 5);
        Assert.True(_store.TryApply(run, 0));

        Assert.True(_store.TryGet(_router.Topic("t"), out RetainedEvent? retained));
        EventRun stored = retained.AsRun();
        Assert.Equal((7UL, 1, "3"), (stored.Number, stored.Count, RecordingTarget.Texts(stored.Body)));
        Assert.Equal(RunFlags.Retain | RunFlags.Retained, stored.Flags);
    }

    [Fact]
    public void AnEmptyPayloadDeletesAndIsRememberedForAnHour()
    {
        Apply("t", "a", timestamp: At(1000));
        Assert.Equal(RetainedOutcome.Kept, Apply("t", "", timestamp: At(2000)));

        Assert.Equal((1, 1), (_store.Count, _store.Tombstones));
        Assert.Equal("", Texts("#"));
        Assert.Equal(RetainedOutcome.Older, Apply("t", "late", timestamp: At(1500)));
        _store.Expire(At(2000 + RetainedStore.TombstoneMs - 1));
        Assert.Equal(1, _store.Count);
        _store.Expire(At(2000 + RetainedStore.TombstoneMs));
        Assert.Equal((0, 0UL, 0L), (_store.Count, _store.Digest, _store.Bytes));
    }

    [Fact]
    public void ATombstoneThatComesTooLateToBeKeptStillDeletes()
    {
        Apply("t", "a", timestamp: At(1000));
        ulong now = At(2000 + RetainedStore.TombstoneMs);

        Assert.Equal(RetainedOutcome.Kept, Apply("t", "", timestamp: At(2000), now: now));
        Assert.Equal(0, _store.Count);
        Assert.Equal(RetainedOutcome.Expired, Apply("t", "", timestamp: At(2000), now: now));
    }

    [Fact]
    public void TimeToLiveEndsAnEvent()
    {
        Assert.Equal(RetainedOutcome.Kept, Apply("t", "a", timestamp: At(1000), timeToLiveMs: 500, now: At(1000)));
        Assert.Equal("a", Texts("#"));
        Assert.Equal(RetainedOutcome.Kept, Apply("u", "x", timestamp: At(1600), now: At(1600)));
        Assert.Equal("x", Texts("#"));
        _store.Expire(At(1600));
        Assert.Equal((2, 1), (_store.Count, _store.Tombstones));
        Assert.Equal(1, _store.ExpiredEvents);
        Assert.Equal(RetainedOutcome.Older, Apply("t", "a", timestamp: At(1000), timeToLiveMs: 500, now: At(1600)));
    }

    [Fact]
    public void NothingOlderComesBackWhenAnEventHasExpired()
    {
        Apply("t", "a", timestamp: At(1000), timeToLiveMs: 500, now: At(1000));
        ulong digest = _store.Digest;
        _store.Expire(At(1600));

        Assert.Equal(digest, _store.Digest);
        Assert.Equal(RetainedOutcome.Older, Apply("t", "older", timestamp: At(900), now: At(1600)));
        Assert.True(_store.TryGet(_router.Topic("t"), out RetainedEvent? kept));
        Assert.True(kept.IsExpired && kept.IsTombstone);
        Assert.Equal(500u, kept.TimeToLiveMs);
        _store.AssertInvariants();
        _store.Expire(At(1500 + RetainedStore.TombstoneMs - 1));
        Assert.Equal(1, _store.Count);
        _store.Expire(At(1500 + RetainedStore.TombstoneMs));
        Assert.Equal((0, 0UL, 0L), (_store.Count, _store.Digest, _store.Bytes));
    }

    [Fact]
    public void AnEventThatWasHandedOutStaysAsItIsWhenItExpires()
    {
        Apply("t", "a", timestamp: At(1000), timeToLiveMs: 500, now: At(1000));
        Assert.True(_store.TryGet(_router.Topic("t"), out RetainedEvent? handedOut));
        _store.Expire(At(1600));

        Assert.False(handedOut.IsExpired);
        Assert.Equal("a", RecordingTarget.Texts(handedOut.Body));
        Assert.Equal("", Texts("#"));
    }

    [Fact]
    public void AnEventThatIsOverWhenItComesStillEndsWhatIsOlder()
    {
        Apply("t", "a", timestamp: At(1000));
        RetainedOutcome outcome = Apply("t", "b", timestamp: At(1100), timeToLiveMs: 500, now: At(1600));

        Assert.Equal(RetainedOutcome.KeptExpired, outcome);
        Assert.Equal("", Texts("#"));
        Assert.Equal(Fnv1a64.RetainedEntry("t"u8, At(1100), 1, 1), _store.Digest);
        ulong late = At(2000 + (2 * RetainedStore.TombstoneMs));
        Assert.Equal(RetainedOutcome.Expired, Apply("u", "b", timestamp: At(1100), timeToLiveMs: 500, now: late));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void TheDigestDoesNotDependOnTheOrder(int seed)
    {
        var random = new Random(seed);
        var events = Enumerable.Range(0, 400).Select(i => new Event(
            $"a/{random.Next(40)}",
            random.Next(4) == 0 ? "" : $"v{i}",
            At(random.Next(50)),
            (ulong)random.Next(1, 5),
            (ulong)i + 1)).ToArray();
        var stores = Enumerable.Range(0, 3).Select(_ => new RetainedStore(100, 1 << 20)).ToArray();
        foreach (RetainedStore store in stores)
        {
            random.Shuffle(events);
            foreach (Event e in events)
            {
                Apply(store, e);
            }

            store.AssertInvariants();
        }

        Assert.NotEqual(0UL, stores[0].Digest);
        Assert.All(stores, store => Assert.Equal(stores[0].Digest, store.Digest));
        Assert.All(stores, store => Assert.Equal(stores[0].Count, store.Count));
        ulong expected = 0;
        var all = new List<RetainedEvent>();
        stores[0].CollectAll(all);
        foreach (RetainedEvent e in all)
        {
            expected ^= Fnv1a64.RetainedEntry(e.Topic.Utf8, e.Timestamp, e.Publisher, e.Number);
        }

        Assert.Equal(expected, stores[0].Digest);
    }

    [Fact]
    public void WhenFullTombstonesGoFirstAndThenNewEventsAreRefused()
    {
        var store = new RetainedStore(3, 1 << 20);
        Apply(store, new Event("old", "", At(1), 1, 1));
        Apply(store, new Event("newer", "", At(2), 1, 2));
        Apply(store, new Event("a", "x", At(3), 1, 3));
        Assert.Equal(RetainedOutcome.Kept, Apply(store, new Event("b", "x", At(4), 1, 4)));
        Assert.False(store.TryGet(_router.Topic("old"), out _));
        Assert.True(store.TryGet(_router.Topic("newer"), out _));
        Assert.Equal(RetainedOutcome.Kept, Apply(store, new Event("c", "x", At(5), 1, 5)));
        Assert.Equal(RetainedOutcome.Refused, Apply(store, new Event("d", "x", At(6), 1, 6)));
        Assert.Equal(RetainedOutcome.Kept, Apply(store, new Event("a", "y", At(7), 1, 7)));
        Assert.Equal((3, 2L, 1L), (store.Count, store.EvictedTombstones, store.RefusedEvents));
        store.AssertInvariants();
    }

    [Fact]
    public void TheBudgetInBytesHoldsAndWhatIsOutOfDateDoesNotStay()
    {
        var store = new RetainedStore(1000, 10_000);
        for (int i = 0; i < 100; i++)
        {
            Apply(store, new Event($"t{i}", new string('x', 500), At(i), 1, (ulong)i + 1));
            Assert.InRange(store.Bytes, 0, 10_000);
        }

        Assert.InRange(store.RefusedEvents, 80, 95);
        Assert.True(store.TryGet(_router.Topic("t0"), out _));
        Event tooLarge = new("t0", new string('x', 9_900), At(1000), 1, 1000);
        Assert.Equal(RetainedOutcome.Refused, Apply(store, tooLarge));
        Assert.False(store.TryGet(_router.Topic("t0"), out _));
        store.AssertInvariants();
    }

    [Fact]
    public void AnEventThatWasHandedOutNeverChanges()
    {
        Apply("t", "a", timestamp: At(1));
        Assert.True(_store.TryGet(_router.Topic("t"), out RetainedEvent? held));
        Apply("t", "b", timestamp: At(2), number: 2);
        Apply("t", "c", timestamp: At(3), number: 3);

        Assert.Equal(("a", 1UL), (RecordingTarget.Texts(held.Body), held.Number));
        Assert.Equal("c", Texts("t"));
    }

    [Theory]
    [InlineData(1, 4)]
    [InlineData(2, 10)]
    public void CollectsWhatTheReferenceMatcherMatches(int seed, int maxLevels)
    {
        var random = new Random(seed);
        var store = new RetainedStore(10_000, 1 << 24);
        var names = new HashSet<string>();
        for (int i = 1; i < 800; i++)
        {
            string name = TopicTexts.Name(random, maxLevels);
            bool isDeletion = random.Next(4) == 0;
            Apply(store, new Event(name, isDeletion ? "" : "x", At(i), 1, (ulong)i));
            _ = isDeletion ? names.Remove(name) : names.Add(name);
            var filter = TopicTexts.Filter(random, maxLevels);
            var found = new List<RetainedEvent>();
            store.Collect(filter, found);
            var expected = names.Where(n => filter.Matches(System.Text.Encoding.UTF8.GetBytes(n)));
            Assert.Equal(expected.Order(), found.Select(e => e.Topic.Text).Order());
        }

        store.Expire(ulong.MaxValue - 1);
        store.AssertInvariants();
        Assert.Equal(names.Count, store.Count);
    }

    private static ulong At(long unixMs) => HybridClock.FromUnixMs(unixMs);

    private RetainedOutcome Apply(
        string topic,
        string payload,
        ulong timestamp,
        ulong publisher = 1,
        ulong number = 1,
        uint timeToLiveMs = 0,
        ulong now = 0) => _store.Apply(
            Runs.Of(
                _router.Topic(topic),
                Runs.Body(payload),
                publisher,
                number,
                timestamp,
                RunFlags.Retain,
                timeToLiveMs),
            now);

    private RetainedOutcome Apply(RetainedStore store, Event e) => store.Apply(
        Runs.Of(_router.Topic(e.Topic), Runs.Body(e.Payload), e.Publisher, e.Number, e.Timestamp), e.Timestamp);

    private string Texts(string filter)
    {
        var found = new List<RetainedEvent>();
        _store.Collect(Mesh.Filter(filter), found);
        return string.Join(' ', found.Select(e => RecordingTarget.Texts(e.Body)).Order());
    }

    private sealed record Event(string Topic, string Payload, ulong Timestamp, ulong Publisher, ulong Number);
}
