namespace NexusdBench;

/// <summary>Finds the valid word that a person most likely meant.</summary>
internal static class Spelling
{
    /// <summary>The end of a sentence that refuses a word: what was probably meant, where something is near.</summary>
    internal static string Hint(string written, IEnumerable<string> words)
    {
        var nearest = words.MinBy(word => Distance(written, word));
        return nearest is not null && Distance(written, nearest) <= Math.Max(2, written.Length / 3)
            ? $"; did you mean '{nearest}'?"
            : ".";
    }

    /// <summary>Letters to insert, drop or replace until one text is the other.</summary>
    internal static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var replaced = diagonal + (char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[b.Length];
    }
}
