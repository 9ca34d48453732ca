namespace NexusD.Discovery.Multicast;

/// <summary>Lets a steady rate through, and a burst after quiet times. Time is passed in.</summary>
internal sealed class TokenBucket(int perSecond, int burst)
{
    private double _tokens = burst;
    private long _filledAtMs = long.MinValue;

    /// <summary>Takes one token; false when there is none.</summary>
    public bool TryTake(long nowMs)
    {
        if (_filledAtMs != long.MinValue && nowMs > _filledAtMs)
        {
            _tokens = Math.Min(burst, _tokens + ((nowMs - _filledAtMs) * perSecond / 1000.0));
        }

        _filledAtMs = Math.Max(_filledAtMs, nowMs);
        if (_tokens < 1)
        {
            return false;
        }

        _tokens--;
        return true;
    }
}
