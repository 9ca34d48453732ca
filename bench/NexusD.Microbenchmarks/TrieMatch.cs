using BenchmarkDotNet.Attributes;
using NexusD.Routing.Trie;

namespace NexusD.Microbenchmarks;

/// <summary>
/// Station "topic matched": one walk through the trie with many filters held. The name of four levels matches one
/// filter by name, one with <c>*</c> and one with <c>#</c>.
/// </summary>
[MemoryDiagnoser]
[MinColumn]
[MedianColumn]
public class TrieMatch
{
    private readonly MatchList _matches = new();
    private readonly byte[] _name = "site/7/line/sensor-7"u8.ToArray();
    private TopicTrie _trie = null!;

    [Params(1, 10_000, 100_000, 1_000_000)]
    public int Filters { get; set; }

    [GlobalSetup]
    public void Fill() => _trie = FilledTrie.Of(Filters);

    [Benchmark]
    public int Match()
    {
        _matches.Clear();
        _trie.Match(_name, _matches);
        return _matches.Count;
    }
}
