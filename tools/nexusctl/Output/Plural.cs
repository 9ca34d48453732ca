using System.Globalization;

namespace Nexusctl.Output;

/// <summary>A number with its noun: 1 event, 1,200 events.</summary>
internal static class Plural
{
    internal static string Of(long count, string noun) =>
        string.Create(CultureInfo.InvariantCulture, $"{count:N0} {noun}{(count == 1 ? string.Empty : "s")}");
}
