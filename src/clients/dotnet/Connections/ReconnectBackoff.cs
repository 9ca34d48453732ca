namespace NexusdClient.Connections;

/// <summary>
/// How long to wait before the next attempt: full jitter, that is a random part of a bound that doubles from the
/// minimum to the maximum, so that a thousand clients of a restarted daemon do not come back in step.
/// </summary>
internal sealed class ReconnectBackoff
{
    private readonly TimeSpan _minimum;
    private readonly TimeSpan _maximum;
    private readonly Random _random;
    private TimeSpan _bound;

    internal ReconnectBackoff(TimeSpan minimum, TimeSpan maximum, Random random)
    {
        _minimum = _bound = minimum;
        _maximum = maximum;
        _random = random;
    }

    /// <summary>The wait before the next attempt, at least a tenth of the minimum.</summary>
    internal TimeSpan Next()
    {
        var floor = _minimum / 10;
        var wait = floor + (_random.NextDouble() * (_bound - floor));
        _bound = _bound * 2 < _maximum ? _bound * 2 : _maximum;
        return wait;
    }

    /// <summary>The connection worked: start from the minimum again.</summary>
    internal void Reset() => _bound = _minimum;
}
