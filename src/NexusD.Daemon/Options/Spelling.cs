namespace NexusD.Daemon.Options;

/// <summary>Finds the valid word that a person most likely meant.</summary>
internal static class Spelling
{
    /// <summary>
    /// The nearest of <paramref name="words"/>, or null when none is near. Dashes, underscores and case do not count.
    /// </summary>
    public static string? Nearest(string written, IEnumerable<string> words)
    {
        string plain = Plain(written);
        string? best = null;
        int bestDistance = int.MaxValue;
        foreach (string word in words)
        {
            int distance = Distance(plain, Plain(word));
            if (distance < bestDistance)
            {
                (best, bestDistance) = (word, distance);
            }
        }

        return bestDistance <= Math.Max(2, plain.Length / 3) && bestDistance < plain.Length ? best : null;
    }

    /// <summary>
    /// Insertions, deletions, replacements and swaps of neighbours that turn one text into the other.
    /// </summary>
    public static int Distance(string a, string b)
    {
        var twoBack = new int[b.Length + 1];
        var back = new int[b.Length + 1];
        var row = new int[b.Length + 1];
        for (int j = 0; j <= b.Length; j++)
        {
            row[j] = j;
        }

        for (int i = 1; i <= a.Length; i++)
        {
            (twoBack, back, row) = (back, row, twoBack);
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int replace = back[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                row[j] = Math.Min(replace, Math.Min(back[j], row[j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    row[j] = Math.Min(row[j], twoBack[j - 2] + 1);
                }
            }
        }

        return row[b.Length];
    }

    private static string Plain(string text) =>
        text.Length > 64 ? text[..64] : text.TrimStart('-').Replace('_', '-').ToUpperInvariant();
}
