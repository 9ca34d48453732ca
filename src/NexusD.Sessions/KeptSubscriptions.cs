using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using NexusD.Loops;
using NexusD.Protocol.Topics;
using NexusD.Routing;

namespace NexusD.Sessions;

/// <summary>
/// The subscriptions that outlive their connections, by their tokens, and those that wait for their client: bounded in
/// number, bytes and time. One timer for all of them, which runs only while one waits.
/// </summary>
/// <remarks>
/// Invariants: every open subscription with a <see cref="Keep"/> is found by its token; those that wait (without a
/// connection, or paused) stand in the list of deadlines; <see cref="Bytes"/> is the sum of what those without a
/// connection hold. Beyond a bound the one that has been without a connection for the longest time ends.
/// </remarks>
internal sealed class KeptSubscriptions
{
    /// <summary>After so long what waits for a member of groups is offered to the others, and again.</summary>
    private const long OfferAfterNs = 1_000_000_000;

    private readonly EventLoop _loop;
    private readonly Router _router;
    private readonly SessionOptions _options;
    private readonly SessionStatistics _statistics;
    private readonly Dictionary<UInt128, Subscription> _byToken = [];
    private readonly List<Subscription> _waiting = [];
    private readonly LoopTimer _timer;

    public KeptSubscriptions(EventLoop loop, Router router, SessionOptions options, SessionStatistics statistics)
    {
        _loop = loop;
        _router = router;
        _options = options;
        _statistics = statistics;
        _timer = loop.CreateTimer(OnTimer);
    }

    /// <summary>Subscriptions that wait, without a connection or paused.</summary>
    public IReadOnlyList<Subscription> Waiting => _waiting;

    /// <summary>Longest time for which one is kept, in milliseconds; 0: none is.</summary>
    public uint LimitMs => (uint)_options.KeepLimit.TotalMilliseconds;

    private long Bytes => _statistics.KeptBytesCount;

    /// <summary>A new subscription is to be kept.</summary>
    public Keep Register(
        Subscription subscription, uint milliseconds, List<TopicFilter> filters, IReadOnlyList<GroupFilter> groups)
    {
        UInt128 token = BitConverter.ToUInt128(RandomNumberGenerator.GetBytes(16));
        var keep = new Keep(token, Math.Min(milliseconds, LimitMs), [.. filters], groups);
        _byToken.Add(token, subscription);
        subscription.StartKeep(keep);
        return keep;
    }

    /// <summary>Finds one by its token, whoever has it at the moment.</summary>
    public bool TryFind(ReadOnlySpan<byte> token, [NotNullWhen(true)] out Subscription? subscription)
    {
        subscription = null;
        return token.Length == 16 && _byToken.TryGetValue(BitConverter.ToUInt128(token), out subscription);
    }

    /// <summary>It has lost its connection and waits for its client.</summary>
    /// <param name="subscription">The subscription.</param>
    /// <param name="owner">Whose it was.</param>
    /// <param name="isBroken">False where the client said good-bye, so that its pause alone counts.</param>
    public void Detach(Subscription subscription, KeptOwner owner, bool isBroken)
    {
        Keep keep = subscription.Keep!;
        long now = _loop.NowNs;
        keep.Owner = owner;
        keep.SinceNs = keep.IsPaused ? keep.SinceNs : now;
        long keptUntil = isBroken ? now + (keep.Milliseconds * 1_000_000L) : 0;
        keep.DueNs = Math.Max(keep.IsPaused ? keep.DueNs : 0, keptUntil);
        keep.OfferNs = subscription.IsGroupMember ? now + OfferAfterNs : 0;
        keep.IsDetached = true;
        subscription.Detach();
        _statistics.KeptCount++;
        Resize(subscription);
        Wait(subscription);
    }

    /// <summary>Its client asks it to wait.</summary>
    public void Pause(Subscription subscription, uint milliseconds)
    {
        Keep keep = subscription.Keep!;
        long now = _loop.NowNs;
        keep.SinceNs = keep.IsPaused ? keep.SinceNs : now;
        keep.IsPaused = true;
        keep.DueNs = now + (Math.Min(milliseconds, LimitMs) * 1_000_000L);
        keep.OfferNs = subscription.IsGroupMember ? now + OfferAfterNs : 0;
        subscription.Suspend();
        Wait(subscription);
    }

    /// <summary>It is in use again, or is to end: it waits no longer.</summary>
    public void Leave(Subscription subscription)
    {
        Keep keep = subscription.Keep!;
        _waiting.Remove(subscription);
        keep.DueNs = 0;
        keep.OfferNs = 0;
        keep.IsPaused = false;
        if (keep.IsDetached)
        {
            keep.IsDetached = false;
            _statistics.KeptCount--;
            _statistics.KeptBytesCount -= keep.CountedBytes;
            keep.CountedBytes = 0;
        }
    }

    /// <summary>It is closed.</summary>
    public void Forget(Subscription subscription)
    {
        Leave(subscription);
        _byToken.Remove(subscription.Keep!.Token);
    }

    /// <summary>One without a connection holds more, or less, than before.</summary>
    public void Resize(Subscription subscription)
    {
        Keep keep = subscription.Keep!;
        long bytes = subscription.HeldBytes;
        _statistics.KeptBytesCount += bytes - keep.CountedBytes;
        keep.CountedBytes = bytes;
        if (Bytes > _options.MaxKeptBytes)
        {
            // Not here: events are being handed over.
            _timer.SetAt(_loop.NowNs);
        }
    }

    /// <summary>The daemon ends: so do all that have no connection.</summary>
    public void EndAll()
    {
        for (int i = _waiting.Count - 1; i >= 0; i--)
        {
            if (_waiting[i].Session is null)
            {
                End(_waiting[i]);
            }
        }

        _timer.Cancel();
    }

    private void Wait(Subscription subscription)
    {
        if (!_waiting.Contains(subscription))
        {
            _waiting.Add(subscription);
        }

        EndBeyondBounds();
        SetTimer();
    }

    private void OnTimer()
    {
        long now = _loop.NowNs;
        for (int i = _waiting.Count - 1; i >= 0; i--)
        {
            Subscription subscription = _waiting[i];
            Keep keep = subscription.Keep!;
            if (keep.DueNs <= now)
            {
                _statistics.KeepOverCount++;
                End(subscription);
            }
            else if (keep.OfferNs != 0 && keep.OfferNs <= now)
            {
                keep.OfferNs = now + OfferAfterNs;
                subscription.OfferToOthers();
            }
        }

        EndBeyondBounds();
        SetTimer();
    }

    private void SetTimer()
    {
        long next = long.MaxValue;
        foreach (Subscription subscription in _waiting)
        {
            Keep keep = subscription.Keep!;
            next = Math.Min(next, keep.OfferNs == 0 ? keep.DueNs : Math.Min(keep.DueNs, keep.OfferNs));
        }

        if (next == long.MaxValue)
        {
            _timer.Cancel();
        }
        else
        {
            _timer.SetAt(next);
        }
    }

    private void EndBeyondBounds()
    {
        while ((_statistics.KeptCount > _options.MaxKept || Bytes > _options.MaxKeptBytes) && Oldest() is { } oldest)
        {
            _statistics.KeepOverCount++;
            End(oldest);
        }
    }

    private Subscription? Oldest()
    {
        Subscription? oldest = null;
        foreach (Subscription subscription in _waiting)
        {
            if (subscription.Session is null && (oldest is null || subscription.Keep!.SinceNs < oldest.Keep!.SinceNs))
            {
                oldest = subscription;
            }
        }

        return oldest;
    }

    private void End(Subscription subscription)
    {
        if (subscription.Session is { } session)
        {
            session.EndPaused(subscription);
            return;
        }

        _router.Unsubscribe(subscription);
        subscription.Close();
        _statistics.SubscriptionCount--;
        Forget(subscription);
    }
}
