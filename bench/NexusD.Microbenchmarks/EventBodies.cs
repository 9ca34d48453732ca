using NexusD.Protocol;

namespace NexusD.Microbenchmarks;

/// <summary>Bodies of runs as publishers send them.</summary>
internal static class EventBodies
{
    /// <summary>Payload of an event in bytes.</summary>
    internal const int PayloadBytes = 100;

    /// <summary>A body with so many events.</summary>
    internal static byte[] Of(int events)
    {
        byte[] body = new byte[events * (EventRunBody.SizeFieldBytes + PayloadBytes)];
        byte[] payload = new byte[PayloadBytes];
        for (int at = 0; at < body.Length;)
        {
            at += EventRunBody.Write(body.AsSpan(at), payload);
        }

        return body;
    }
}
