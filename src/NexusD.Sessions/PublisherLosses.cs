using NexusD.Protocol;

namespace NexusD.Sessions;

/// <summary>
/// What queues of this node dropped of one publisher's events and it has not been told yet, by reason.
/// </summary>
internal sealed class PublisherLosses
{
    private readonly Loss[] _losses = new Loss[DropReasonNames.Count];

    public bool IsEmpty { get; private set; } = true;

    public void Add(ulong number, int count, DropReason reason)
    {
        ref Loss loss = ref _losses[(int)reason];
        ulong last = number + (ulong)count - 1;
        loss.From = loss.Count == 0 ? number : Math.Min(loss.From, number);
        loss.To = Math.Max(loss.To, last);
        loss.Count += (ulong)count;
        IsEmpty = false;
    }

    /// <summary>Takes out the sum of one reason; false when nothing is left.</summary>
    public bool TryTake(out DropReason reason, out Loss loss)
    {
        for (int i = 0; i < _losses.Length; i++)
        {
            if (_losses[i].Count > 0)
            {
                (reason, loss) = ((DropReason)i, _losses[i]);
                _losses[i] = default;
                return true;
            }
        }

        IsEmpty = true;
        (reason, loss) = (DropReason.None, default);
        return false;
    }

    internal record struct Loss(ulong From, ulong To, ulong Count);
}
