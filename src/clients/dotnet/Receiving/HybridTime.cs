namespace NexusdClient.Receiving;

/// <summary>Reads hybrid logical clock values (docs/protocol/README.md "Timestamps").</summary>
internal static class HybridTime
{
    private const long MaxUnixMilliseconds = 253_402_300_799_999; // 9999-12-31

    internal static DateTimeOffset ToDateTime(ulong clock) =>
        DateTimeOffset.FromUnixTimeMilliseconds(Math.Min((long)(clock >> 16), MaxUnixMilliseconds));
}
