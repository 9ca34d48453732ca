using System.Globalization;

namespace NexusdBench.Gate;

/// <summary>
/// Names of a gated run. With one topic it is the option's; with many topic K is <c>dev/K/x(K mod 10)/state</c> and its
/// filter <c>dev/K/*/state</c>, so that each event matches exactly one of many filters.
/// </summary>
internal static class GateTopics
{
    internal static string Name(GateOptions options, int number) => IsOne(options)
        ? options.Topic.Replace('.', '/')
        : string.Create(CultureInfo.InvariantCulture, $"dev/{number}/x{number % 10}/state");

    internal static string Filter(GateOptions options, int number) => IsOne(options)
        ? Name(options, number)
        : string.Create(CultureInfo.InvariantCulture, $"dev/{number}/*/state");

    private static bool IsOne(GateOptions options) => options is { Topics: 1, Subscriptions: 1 };
}
