namespace Nexusctl.Arguments;

/// <summary>Finds what was probably meant by a mistyped word.</summary>
internal static class Nearest
{
    /// <summary>The candidate with the fewest edits, when they are few for the length of the word; else null.</summary>
    internal static string? Find(string word, IEnumerable<string> candidates)
    {
        var (best, edits) = candidates
            .Distinct()
            .Select(c => (c, Edits(word, c)))
            .OrderBy(c => c.Item2)
            .ThenBy(c => c.c, StringComparer.Ordinal)
            .FirstOrDefault((string.Empty, int.MaxValue));
        return edits <= Math.Max(1, word.Length / 3) ? best : null;
    }

    /// <summary>Insertions, deletions, replacements and swaps of neighbours that make one word the other.</summary>
    private static int Edits(string a, string b)
    {
        var cost = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
        {
            for (var j = 0; j <= b.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    cost[i, j] = i + j;
                    continue;
                }

                var replace = cost[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                cost[i, j] = Math.Min(replace, Math.Min(cost[i - 1, j], cost[i, j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    cost[i, j] = Math.Min(cost[i, j], cost[i - 2, j - 2] + 1);
                }
            }
        }

        return cost[a.Length, b.Length];
    }
}
