using System.Text;
using NexusD.Protocol;

namespace NexusD.Routing.Tests.Support;

/// <summary>Makes bodies and runs.</summary>
internal static class Runs
{
    /// <summary>A body of payloads.</summary>
    public static byte[] Body(params string[] payloads) =>
        [.. payloads.SelectMany(p => OneEvent(Encoding.UTF8.GetBytes(p)))];

    /// <summary>A body of payloads of one size.</summary>
    public static byte[] Body(int count, int payloadBytes) =>
        [.. Enumerable.Range(0, count).SelectMany(_ => OneEvent(new byte[payloadBytes]))];

    public static EventRun Of(
        Topic topic,
        byte[] body,
        ulong publisher = 1,
        ulong number = 1,
        ulong timestamp = 1UL << 16,
        RunFlags flags = RunFlags.None,
        uint timeToLiveMs = 0,
        Priority priority = Priority.Normal)
    {
        int count = 0;
        var reader = new RunReader(body);
        while (reader.TryRead(out _))
        {
            count++;
        }

        return new EventRun
        {
            Topic = topic,
            Publisher = publisher,
            Number = number,
            Timestamp = timestamp,
            Count = count,
            Flags = flags,
            TimeToLiveMs = timeToLiveMs,
            Priority = priority,
            Body = body,
        };
    }

    private static byte[] OneEvent(byte[] payload)
    {
        byte[] bytes = new byte[EventRunBody.SizeFieldBytes + payload.Length];
        EventRunBody.Write(bytes, payload);
        return bytes;
    }
}
