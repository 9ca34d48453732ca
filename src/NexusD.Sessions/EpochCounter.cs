namespace NexusD.Sessions;

/// <summary>Gives out marks of validity for aliases: never 0, never 2^32 - 1, no two alike for a long time.</summary>
internal sealed class EpochCounter
{
    private uint _last;

    public uint Next()
    {
        _last = _last >= uint.MaxValue - 1 ? 1 : _last + 1;
        return _last;
    }
}
