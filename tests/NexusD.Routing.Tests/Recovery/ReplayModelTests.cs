using NexusD.Protocol;
using NexusD.Routing.Recovery;
using NexusD.Routing.Tests.Support;
using Xunit;

namespace NexusD.Routing.Tests.Recovery;

/// <summary>
/// Random publishers, runs and absences against a list of all that was published. A failing case names its seed.
/// </summary>
public sealed class ReplayModelTests
{
    private const int Topics = 6;

    [Theory]
    [MemberData(nameof(Seeds))]
    public void WhatIsReplayedAndMissedAddsUp(int seed)
    {
        var random = new Random(seed);
        bool isTight = seed % 3 == 0;
        bool isLocal = seed % 2 == 0;
        string filter = (seed % 4) switch { 0 => "#", 1 => "t/0", _ => "t/*" };
        Router router = Mesh.Router(new RouterOptions
        {
            NodeName = "here",
            RecoveryEvents = random.Next(1, 9),
            MaxRecoveryBytes = isTight ? 6_000 : 1 << 20,
        });
        var world = new World(router, random, isLocal);
        RecordingTarget before = router.Subscriber(filter);
        world.Publish(random.Next(0, 60));
        var point = new ResumePoint(world.Now);
        foreach (IGrouping<ulong, Delivery> had in before.Deliveries.GroupBy(d => d.Publisher))
        {
            Delivery last = had.MaxBy(d => d.Number)!;
            point.Add(had.Key, Priority.Normal, last.Number + (ulong)last.Count - 1, world.StampOf(last));
        }

        router.Unsubscribe(before);
        var known = before.Deliveries.Select(d => d.Publisher).ToHashSet();
        int from = world.Events.Count;
        world.Publish(random.Next(0, 200));
        router.AssertInvariants();

        RecordingTarget after = router.Subscriber(filter);
        ResumeWatch? watch = router.Replay(after, [Mesh.Filter(filter)], point, world.Now);
        List<Event> missing = [.. world.Events.Skip(from).Where(e => Mesh.Filter(filter).Matches(e.Name))];
        List<Event> replayed = [.. after.Deliveries.SelectMany(World.Split)];
        Assert.All(after.Deliveries, d => Assert.True(d.Flags.HasFlag(RunFlags.Replayed)));
        Assert.Equal(replayed.Count, replayed.Distinct().Count());
        Assert.Empty(replayed.Except(missing));
        Assert.All(replayed.GroupBy(e => e.Publisher), events => Assert.Equal(
            events.Select(e => e.Number).Order(), events.Select(e => e.Number)));
        if (!isTight)
        {
            Assert.Equal(world.LastOfEachTopic(missing).Order(), replayed.Order());
        }

        foreach (IGrouping<ulong, Event> gone in missing.Except(replayed).GroupBy(e => e.Publisher))
        {
            if (known.Contains(gone.Key))
            {
                CheckTold(gone, after, watch, isExact: isLocal && filter == "#" && !isTight, router);
            }
        }
    }

    public static TheoryData<int> Seeds() => [.. Enumerable.Range(1, 300)];

    private static void CheckTold(
        IGrouping<ulong, Event> gone, RecordingTarget target, ResumeWatch? watch, bool isExact, Router router)
    {
        ulong told = target.Gaps.Where(g => g.Publisher == gone.Key).Aggregate(0UL, (sum, g) => sum + g.Count);
        ulong next = gone.Max(e => e.Number) + 1_000;
        EventRun live = Runs.Of(router.Topic("t/0"), Runs.Body("x"), publisher: gone.Key, number: next);
        if (watch is not null && watch.TryNote(live, ulong.MaxValue, out GapNotice gap))
        {
            told += gap.Count;
        }

        Assert.True(told >= (ulong)gone.Count(), $"{gone.Count()} of publisher {gone.Key} missed, {told} told");
        if (isExact)
        {
            Assert.Equal((ulong)gone.Count(), told);
        }
    }

    private sealed record Event(string Topic, ulong Publisher, ulong Number) : IComparable<Event>
    {
        public ReadOnlySpan<byte> Name => System.Text.Encoding.UTF8.GetBytes(Topic);

        public int CompareTo(Event? other) =>
            (Publisher, Number).CompareTo((other!.Publisher, other.Number));
    }

    private sealed class World(Router router, Random random, bool isLocal)
    {
        private readonly Dictionary<ulong, ulong> _numbers = [];
        private readonly Dictionary<(ulong Publisher, ulong Number), ulong> _stamps = [];

        public List<Event> Events { get; } = [];

        public ulong Now { get; private set; } = 1_000UL << 16;

        public static IEnumerable<Event> Split(Delivery run) =>
            Enumerable.Range(0, run.Count).Select(i => new Event(run.Topic, run.Publisher, run.Number + (ulong)i));

        public ulong StampOf(Delivery run) => _stamps[(run.Publisher, run.Number)];

        public void Publish(int runs)
        {
            for (int i = 0; i < runs; i++)
            {
                Now += (ulong)random.Next(1, 100_000);
                ulong publisher = (ulong)random.Next(1, 5);
                string topic = $"t/{random.Next(Topics)}";
                string[] payloads = [.. Enumerable.Range(0, random.Next(1, 14))
                    .Select(_ => new string('p', random.Next(3) == 0 ? random.Next(0, 200) : 20))];
                Publish(publisher, topic, payloads);
            }
        }

        /// <summary>The last events of each topic, as many as a ring holds, of those that count.</summary>
        public IEnumerable<Event> LastOfEachTopic(List<Event> among)
        {
            int kept = router.Recovery!.EventsPerTopic;
            return Events.GroupBy(e => e.Topic).SelectMany(events => events.TakeLast(kept)).Intersect(among);
        }

        private void Publish(ulong publisher, string topic, string[] payloads)
        {
            if (!_numbers.TryGetValue(publisher, out ulong number))
            {
                number = 1;
                if (isLocal)
                {
                    router.Publishers.GetOrAdd(publisher).PinAsLocal(1);
                }
            }

            EventRun run = Runs.Of(
                router.Topic(topic), Runs.Body(payloads), publisher: publisher, number: number, timestamp: Now);
            if (isLocal)
            {
                router.Publishers.GetOrAdd(publisher).Advance(number, payloads.Length, Priority.Normal);
                router.Publish(run);
            }
            else
            {
                router.PublishFromPeer(run);
            }

            for (int i = 0; i < payloads.Length; i++)
            {
                Events.Add(new Event(topic, publisher, number + (ulong)i));
            }

            _stamps[(publisher, number)] = Now;
            _numbers[publisher] = number + (ulong)payloads.Length;
        }
    }
}
