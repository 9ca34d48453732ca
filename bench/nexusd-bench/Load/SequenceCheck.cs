namespace NexusdBench;

/// <summary>
/// Follows the numbers of one publisher as one subscriber sees them: 0, 1, 2 and so on, each once. Tells apart what is
/// missing, what came late, and what came twice.
/// </summary>
internal sealed class SequenceCheck
{
    // Missing numbers that are remembered by name; a run that loses more is broken anyway, and told so by the count.
    private const int MaxRemembered = 1 << 20;

    private readonly HashSet<uint> _missing = [];
    private uint _next;
    private long _forgotten;

    internal long Duplicates { get; private set; }

    internal long Reordered { get; private set; }

    /// <summary>Numbers that were jumped over and have not come since.</summary>
    internal long Missing => _missing.Count + _forgotten;

    internal void See(uint number)
    {
        if (number == _next)
        {
            _next++;
        }
        else
        {
            SeeOther(number);
        }
    }

    /// <summary>All that were published and did not come, once nothing more will.</summary>
    internal long Lost(long published) => Missing + published - _next;

    private void SeeOther(uint number)
    {
        if (number > _next)
        {
            for (var jumped = _next; jumped < number; jumped++)
            {
                if (_missing.Count == MaxRemembered)
                {
                    _forgotten += number - jumped;
                    break;
                }

                _missing.Add(jumped);
            }

            _next = number + 1;
        }
        else if (_missing.Remove(number))
        {
            Reordered++;
        }
        else
        {
            Duplicates++;
        }
    }
}
