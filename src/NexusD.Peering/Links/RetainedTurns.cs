namespace NexusD.Peering.Links;

/// <summary>
/// Which links may ask their peers for retained events at a time: what one brings the others need not bring again.
/// </summary>
internal sealed class RetainedTurns
{
    private const int Most = 4;

    private int _running;
    private bool _isWhole;

    /// <summary>Number of comparisons begun; each begins at another place.</summary>
    public int Serial { get; private set; }

    /// <param name="whole">Everything is asked for; nobody else asks then.</param>
    public bool TryBegin(bool whole)
    {
        if (_isWhole || _running >= (whole ? 1 : Most))
        {
            return false;
        }

        _running++;
        _isWhole = whole;
        Serial++;
        return true;
    }

    public void End()
    {
        _running--;
        _isWhole = false;
    }
}
