using System.Text;
using BenchmarkDotNet.Attributes;
using NexusD.Routing.Trie;

namespace NexusD.Microbenchmarks;

/// <summary>
/// Station "topic matched": one walk through the trie and one change of it, with many filters held. Each name of four
/// levels matches one filter by name, one with <c>*</c> and one with <c>#</c>.
/// </summary>
[MemoryDiagnoser]
[MinColumn]
[MedianColumn]
public class TrieMatch
{
    private readonly TopicTrie _trie = new();
    private readonly MatchList _matches = new();
    private readonly CountingTarget _passing = new();
    private readonly byte[] _name = "site/7/line/sensor-7"u8.ToArray();
    private readonly byte[] _filter = "site/7/line/passing"u8.ToArray();

    [Params(1, 10_000, 100_000, 1_000_000)]
    public int Filters { get; set; }

    [GlobalSetup]
    public void Fill()
    {
        var target = new CountingTarget();
        _trie.Add(target, "site/*/line/sensor-7"u8, out _);
        _trie.Add(target, "site/7/#"u8, out _);
        for (int i = 0; i < Filters; i++)
        {
            byte[] filter = Encoding.UTF8.GetBytes($"site/{(i + 7) % 1000}/line/sensor-{i + 7}");
            _trie.Add(new CountingTarget(), filter, out _);
        }
    }

    [Benchmark]
    public int Match()
    {
        _matches.Clear();
        _trie.Match(_name, _matches);
        return _matches.Count;
    }

    [Benchmark]
    public bool AddAndRemove()
    {
        _trie.Add(_passing, _filter, out _);
        return _trie.Remove(_passing, _filter, out _);
    }
}
