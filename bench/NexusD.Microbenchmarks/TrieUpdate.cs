using BenchmarkDotNet.Attributes;
using NexusD.Routing.Trie;

namespace NexusD.Microbenchmarks;

/// <summary>
/// Station "subscribed": one filter comes and goes while many are held. New levels are nodes, so this may allocate; it
/// is no part of an event's way.
/// </summary>
[MemoryDiagnoser]
[MinColumn]
[MedianColumn]
public class TrieUpdate
{
    private readonly CountingTarget _passing = new();
    private readonly byte[] _filter = "site/7/line/passing"u8.ToArray();
    private TopicTrie _trie = null!;

    [Params(1, 10_000, 100_000, 1_000_000)]
    public int Filters { get; set; }

    [GlobalSetup]
    public void Fill() => _trie = FilledTrie.Of(Filters);

    [Benchmark]
    public bool AddAndRemove()
    {
        _trie.Add(_passing, _filter, out _);
        return _trie.Remove(_passing, _filter, out _);
    }
}
