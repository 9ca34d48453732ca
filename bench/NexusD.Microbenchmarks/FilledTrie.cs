using System.Text;
using NexusD.Routing.Trie;

namespace NexusD.Microbenchmarks;

/// <summary>A trie that holds many filters of four levels, a few of them with wildcards.</summary>
internal static class FilledTrie
{
    internal static TopicTrie Of(int filters)
    {
        var trie = new TopicTrie();
        var target = new CountingTarget();
        trie.Add(target, "site/*/line/sensor-7"u8, out _);
        trie.Add(target, "site/7/#"u8, out _);
        for (int i = 0; i < filters; i++)
        {
            byte[] filter = Encoding.UTF8.GetBytes($"site/{(i + 7) % 1000}/line/sensor-{i + 7}");
            trie.Add(new CountingTarget(), filter, out _);
        }

        return trie;
    }
}
