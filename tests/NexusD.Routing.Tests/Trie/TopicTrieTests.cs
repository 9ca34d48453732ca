using System.Text;
using NexusD.Protocol.Topics;
using NexusD.Routing.Tests.Support;
using NexusD.Routing.Trie;
using Xunit;

namespace NexusD.Routing.Tests.Trie;

public sealed class TopicTrieTests
{
    [Theory]
    [InlineData(1, 6)]
    [InlineData(2, 3)]
    [InlineData(3, 12)]
    [InlineData(4, 64)]
    public void FindsWhatTheReferenceMatcherFindsWhileFiltersComeAndGo(int seed, int maxLevels)
    {
        var random = new Random(seed);
        var trie = new TopicTrie();
        var held = new List<(TopicFilter Filter, RecordingTarget Target)>();
        var targets = Enumerable.Range(0, 40).Select(i => new RecordingTarget($"t{i}")).ToArray();
        for (int step = 0; step < 4_000; step++)
        {
            if (random.Next(5) < 3 || held.Count == 0)
            {
                TopicFilter filter = TopicTexts.Filter(random, maxLevels);
                RecordingTarget target = targets[random.Next(targets.Length)];
                bool isNew = !held.Contains((filter, target));
                bool isFirst = held.All(h => !h.Filter.Equals(filter));
                Assert.Equal(isNew, trie.Add(target, filter.Canonical, out bool first));
                Assert.Equal(isFirst, first);
                if (isNew)
                {
                    held.Add((filter, target));
                }
            }
            else
            {
                int at = random.Next(held.Count);
                (TopicFilter filter, RecordingTarget target) = held[at];
                held.RemoveAt(at);
                Assert.True(trie.Remove(target, filter.Canonical, out bool wasLast));
                Assert.Equal(held.All(h => !h.Filter.Equals(filter)), wasLast);
                Assert.False(trie.Remove(target, filter.Canonical, out _));
            }

            AssertSameAsReference(trie, held, TopicTexts.Name(random, maxLevels));
        }

        Assert.Equal(held.Count, trie.Entries);
        trie.AssertInvariants();
        var texts = trie.ListFilters().Select(f => Encoding.UTF8.GetString(f)).Order();
        Assert.Equal(held.Select(h => h.Filter.ToString()).Distinct().Order(), texts);
        foreach ((TopicFilter filter, RecordingTarget target) in held)
        {
            Assert.True(trie.Remove(target, filter.Canonical, out _));
        }

        Assert.Equal((0, 0), (trie.Filters, trie.Entries));
        trie.AssertInvariants();
    }

    [Fact]
    public void ReadersFindWhatStaysWhileTheWriterChangesTheRest()
    {
        const int Rounds = 20_000;
        var trie = new TopicTrie();
        var stay = Enumerable.Range(0, 50).Select(i => new RecordingTarget($"stay{i}")).ToArray();
        for (int i = 0; i < stay.Length; i++)
        {
            trie.Add(stay[i], Encoding.UTF8.GetBytes(i % 2 == 0 ? "a/b" : $"a/{(i % 3 == 0 ? "*" : "b")}"), out _);
        }

        using var isDone = new CancellationTokenSource();
        var reader = new Thread(() => ReadUntil(trie, stay, isDone));
        reader.Start();
        var random = new Random(5);
        var passing = new List<(RecordingTarget Target, byte[] Filter)>();
        for (int i = 0; i < Rounds; i++)
        {
            if (passing.Count == 0 || random.Next(2) == 0)
            {
                var target = new RecordingTarget();
                byte[] filter = Encoding.UTF8.GetBytes(random.Next(2) == 0 ? "a/b" : $"a/x{random.Next(500)}");
                trie.Add(target, filter, out _);
                passing.Add((target, filter));
            }
            else
            {
                int at = random.Next(passing.Count);
                trie.Remove(passing[at].Target, passing[at].Filter, out _);
                passing.RemoveAt(at);
            }
        }

        bool readerGaveUp = isDone.IsCancellationRequested;
        isDone.Cancel();
        reader.Join();
        Assert.False(readerGaveUp, "a reader missed a target that was there all the time");
        trie.AssertInvariants();
    }

    [Fact]
    public void AHundredThousandTargetsUnderOneFilterComeAndGoInShortTime()
    {
        const int Count = 100_000;
        var trie = new TopicTrie();
        var targets = Enumerable.Range(0, Count).Select(_ => new RecordingTarget()).ToArray();
        foreach (RecordingTarget target in targets)
        {
            Assert.True(trie.Add(target, "a/b"u8, out _));
        }

        var matches = new MatchList();
        trie.Match("a/b"u8, matches);
        Assert.Equal(Count, matches.Count);
        foreach (RecordingTarget target in targets)
        {
            Assert.True(trie.Remove(target, "a/b"u8, out _));
        }

        Assert.Equal((0, 0), (trie.Filters, trie.Entries));
    }

    private static void ReadUntil(TopicTrie trie, RecordingTarget[] stay, CancellationTokenSource isDone)
    {
        var matches = new MatchList();
        var found = new HashSet<DeliveryTarget>();
        while (!isDone.IsCancellationRequested)
        {
            matches.Clear();
            found.Clear();
            trie.Match("a/b"u8, matches);
            for (int i = 0; i < matches.Count; i++)
            {
                found.Add(matches[i]);
            }

            if (!stay.All(found.Contains))
            {
                isDone.Cancel();
            }
        }
    }

    private static void AssertSameAsReference(
        TopicTrie trie, List<(TopicFilter Filter, RecordingTarget Target)> held, string name)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(name);
        var matches = new MatchList();
        trie.Match(utf8, matches);
        var found = Enumerable.Range(0, matches.Count).Select(i => matches[i].ToString()).Order();
        var expected = held.Where(h => h.Filter.Matches(utf8)).Select(h => h.Target.Name).Order();
        Assert.Equal(expected, found);
    }
}
