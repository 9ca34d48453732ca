using System.Diagnostics;

namespace NexusdClient.Tests;

/// <summary>Waits for a state; fails loudly when it does not come.</summary>
internal static class Wait
{
    internal static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    internal static async Task UntilAsync(string what, Func<bool> reached)
    {
        var clock = Stopwatch.StartNew();
        while (!reached())
        {
            Assert.True(clock.Elapsed < Limit, $"Not within {Limit.TotalSeconds} s: {what}");
            await Task.Delay(2);
        }
    }

    internal static async Task<T> InTimeAsync<T>(this Task<T> task) => await task.WaitAsync(Limit);

    internal static async Task InTimeAsync(this Task task) => await task.WaitAsync(Limit);

    internal static async Task<List<Message>> TakeAsync(this IAsyncEnumerable<Message> messages, int count)
    {
        using var limit = new CancellationTokenSource(Limit);
        var taken = new List<Message>();
        await foreach (var message in messages.WithCancellation(limit.Token))
        {
            taken.Add(message);
            if (taken.Count == count)
            {
                break;
            }
        }

        return taken;
    }
}
