using NexusD.Protocol.Topics;

namespace NexusD.Routing.Tests.Support;

/// <summary>Random names and filters over few words, so that many of them meet.</summary>
internal static class TopicTexts
{
    private static readonly string[] _words = ["a", "b", "", "long-level-name", "$sys", "ü", "c", "a1"];

    public static string Name(Random random, int maxLevels) =>
        string.Join('/', Levels(random, maxLevels)) is { Length: > 0 } name ? name : "a";

    public static TopicFilter Filter(Random random, int maxLevels)
    {
        string[] levels = Levels(random, maxLevels);
        for (int i = 0; i < levels.Length; i++)
        {
            levels[i] = random.Next(4) == 0 ? (random.Next(2) == 0 ? "*" : "+") : levels[i];
        }

        if (random.Next(3) == 0)
        {
            levels[^1] = random.Next(2) == 0 ? "#" : "**";
        }

        string text = string.Join('/', levels);
        return TopicFilter.Parse(text.Length > 0 ? text : "a");
    }

    private static string[] Levels(Random random, int maxLevels)
    {
        // Short ones mostly; among long ones hardly any two would meet.
        int most = random.Next(4) > 0 ? Math.Min(3, maxLevels) : maxLevels;
        string[] levels = new string[random.Next(1, most + 1)];
        for (int i = 0; i < levels.Length; i++)
        {
            levels[i] = most > 20 ? _words[random.Next(2)] : _words[random.Next(_words.Length)];
        }

        return levels;
    }
}
