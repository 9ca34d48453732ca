using System.Globalization;
using System.Runtime.InteropServices;

namespace NexusD.Daemon;

/// <summary>
/// Gives back the pages of code and constants that only the start needed. They are clean copies of files: what is
/// needed
/// again comes back from the page cache by itself, the rest no longer counts as memory of this process.
/// </summary>
internal static unsafe class StartupPages
{
    private const int DoNotNeed = 4; // MADV_DONTNEED, madvise(2)

    /// <summary>
    /// Looks through the mappings of the process and gives back what is safe to; returns the bytes looked at.
    /// </summary>
    public static long Release()
    {
        long released = 0;
        try
        {
            Mapping? mapping = null;
            foreach (string line in File.ReadLines("/proc/self/smaps"))
            {
                mapping = Mapping.TryParse(line) ?? mapping;
                if (mapping is null || !line.StartsWith("Anonymous:", StringComparison.Ordinal))
                {
                    continue;
                }

                // A page of a file that was written to, such as relocated pointers, exists in memory only.
                bool clean = mapping.IsCleanFile && IsZero(line);
                if (clean && madvise((void*)mapping.Start, mapping.Length, DoNotNeed) == 0)
                {
                    released += (long)mapping.Length;
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Without /proc nothing is given back.
        }

        return released;
    }

    /// <summary>Whether a line such as <c>Anonymous:  0 kB</c> says none.</summary>
    private static bool IsZero(string line) =>
        line.AsSpan(line.IndexOf(':', StringComparison.Ordinal) + 1).Trim() is "0 kB";

    /// <summary>The first line of a mapping: <c>start-end perms offset device inode path</c> (proc(5)).</summary>
    /// <param name="Start">First address.</param>
    /// <param name="Length">Bytes.</param>
    /// <param name="IsCleanFile">A private mapping of a file that this process may not write to.</param>
    internal sealed record Mapping(nuint Start, nuint Length, bool IsCleanFile)
    {
        public static Mapping? TryParse(string line)
        {
            string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            string[] ends = fields.Length >= 5 ? fields[0].Split('-') : [];
            if (ends.Length != 2
                || !nuint.TryParse(ends[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out nuint start)
                || !nuint.TryParse(ends[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out nuint end))
            {
                return null;
            }

            bool readOnly = fields[1] is "r-xp" or "r--p";
            return new Mapping(start, end - start, readOnly && fields.Length > 5 && fields[5].StartsWith('/'));
        }
    }

    [DllImport("libc")]
    private static extern int madvise(void* address, nuint length, int advice);
}
