using System.Globalization;
using System.Numerics;

namespace NexusdBench;

/// <summary>The values of a command line's options, read with their ranges.</summary>
internal sealed class OptionValues(IReadOnlyDictionary<string, string> given)
{
    internal bool Has(string name) => given.ContainsKey(name);

    internal string? Text(string name) => given.GetValueOrDefault(name);

    /// <exception cref="BenchUsageException">It is no whole number, or out of range.</exception>
    internal T Whole<T>(string name, T fallback, T least, T most)
        where T : struct, IBinaryInteger<T> =>
        !given.TryGetValue(name, out var text) ? fallback
        : T.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && number >= least && number <= most
            ? number
            : throw new BenchUsageException(
                $"{name} is '{text}'; it must be a whole number from {least} to {most}.");

    /// <exception cref="BenchUsageException">It is no number, or out of range.</exception>
    internal double Real(string name, double fallback, double least, double most) =>
        !given.TryGetValue(name, out var text) ? fallback
        : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            && number >= least && number <= most
            ? number
            : throw new BenchUsageException(
                string.Create(
                    CultureInfo.InvariantCulture, $"{name} is '{text}'; it must be a number from {least} to {most}."));
}
