using NexusD.Protocol;
using NexusD.Routing;
using NexusD.Routing.Retained;

namespace NexusD.Peering.Links;

/// <summary>
/// Losses on a lane that the peer is told one by one, in the order of their numbers, because it may have had the
/// events all the same: retained ones by repair, and those that were sent and not acknowledged.
/// </summary>
/// <remarks>Bounded: up to <see cref="Most"/> entries; the owner sums up what goes beyond.</remarks>
internal sealed class ExactLosses
{
    internal const int Most = 4_096;

    private readonly Queue<ExactLoss> _losses = new();
    private ExactLoss? _last;
    private bool _hasUnnamed;

    public int Count => _losses.Count + (_last is null ? 0 : 1);

    /// <summary>Takes a loss in, if there is room.</summary>
    public bool TryAdd(in ExactLoss loss)
    {
        if (_last is { } last && last.IsFollowedBy(loss))
        {
            _last = last with { Events = last.Events + loss.Events };
            return true;
        }

        if (Count >= Most)
        {
            return false;
        }

        _hasUnnamed |= loss.IsRetained && loss.Topic is null && !loss.IsCounted;
        if (_last is not null)
        {
            _losses.Enqueue(_last.Value);
        }

        _last = loss;
        return true;
    }

    /// <summary>Puts those that were added behind the first ones before them: they happened earlier.</summary>
    public void MoveBehind(int first)
    {
        if (first == 0 || Count == first)
        {
            return;
        }

        for (; first > 0; first--)
        {
            TryTake(out ExactLoss loss);
            _losses.Enqueue(_last!.Value);
            _last = loss;
        }
    }

    public bool TryPeek(out ExactLoss loss)
    {
        if (_losses.TryPeek(out loss))
        {
            return true;
        }

        loss = _last.GetValueOrDefault();
        return _last is not null;
    }

    public bool TryTake(out ExactLoss loss)
    {
        if (_losses.TryDequeue(out loss))
        {
            return true;
        }

        loss = _last.GetValueOrDefault();
        bool any = _last is not null;
        _last = null;
        return any;
    }

    /// <summary>Finds the topics that are not known among the entries of the store; walks the whole of it.</summary>
    public void FindTopics(RetainedStore store)
    {
        if (!_hasUnnamed)
        {
            return;
        }

        _hasUnnamed = false;
        var entries = new List<RetainedEvent>();
        store.CollectAll(entries);
        Dictionary<(ulong, ulong), Topic> topics = new(entries.Count);
        foreach (RetainedEvent entry in entries)
        {
            topics[(entry.Publisher, entry.Number)] = entry.Topic;
        }

        for (int i = _losses.Count; i > 0; i--)
        {
            _losses.Enqueue(Named(_losses.Dequeue(), topics));
        }

        _last = _last is { } last ? Named(last, topics) : null;
    }

    private static ExactLoss Named(in ExactLoss loss, Dictionary<(ulong, ulong), Topic> topics) =>
        loss.IsRetained && loss.Topic is null && topics.TryGetValue((loss.Publisher, loss.From), out Topic? topic)
            ? loss with { Topic = topic }
            : loss;
}

/// <summary>Neighbouring events that found no room, or one retained event.</summary>
/// <param name="Publisher">Whose.</param>
/// <param name="From">Number of the first.</param>
/// <param name="Events">How many.</param>
/// <param name="Reason">Why.</param>
/// <param name="IsRetained">One event that may be in the store.</param>
/// <param name="Topic">Of a retained one; null where the lane does not know it any more.</param>
/// <param name="IsCounted">It was given up and counted before, but the peer was not told.</param>
/// <param name="Members">Members of groups there that were to get the retained one; null: none.</param>
internal readonly record struct ExactLoss(
    ulong Publisher,
    ulong From,
    ulong Events,
    DropReason Reason,
    bool IsRetained = false,
    Topic? Topic = null,
    bool IsCounted = false,
    uint[]? Members = null)
{
    public bool IsFollowedBy(in ExactLoss next) =>
        !IsRetained && !next.IsRetained && Publisher == next.Publisher && From + Events == next.From
        && Reason == next.Reason && IsCounted == next.IsCounted;
}
