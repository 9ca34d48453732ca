using NexusD.Protocol;
using NexusD.Protocol.App;
using NexusD.Routing.Recovery;

namespace NexusD.Sessions;

/// <content>Subscriptions that outlive their connection: kept, paused, taken over.</content>
internal sealed partial class AppSession
{
    private bool _saidBye;

    private KeptOwner Owner => new(
        Id, _clientName, _clientLibrary, PublisherId, _connection.GetPeerCredentials()?.UserId, _connectedUnixMs);

    /// <summary>A subscription was paused for longer than agreed.</summary>
    public void EndPaused(Subscription subscription)
    {
        if (_subscriptions.Remove(subscription.Id))
        {
            CloseSubscription(subscription);
            WriteUnsubscribed(ErrorCode.KeepOver, subscription.Id,
                $"Subscription {subscription.Id} was paused for longer than agreed and has ended; open it again.");
            _connection.RequestFlush();
        }
    }

    /// <summary>What may be wrong with the wish to be kept.</summary>
    private static ErrorCode CheckKeep(in SubscribeFrame subscribe, out string text)
    {
        bool isKept = subscribe.KeepMs is > 0 || !subscribe.KeepToken.IsEmpty;
        if (isKept && subscribe.Credit is 0 or > ProtocolLimits.MaxKeptCreditBytes)
        {
            text = $"A subscription that is kept needs a credit of 1 to {ProtocolLimits.MaxKeptCreditBytes} bytes.";
            return ErrorCode.OverLimit;
        }

        text = "";
        return ErrorCode.None;
    }

    /// <summary>Finds the kept subscription that the client names; another user's does not exist for it.</summary>
    private Subscription? FindKept(in SubscribeFrame subscribe)
    {
        if (!_table.Kept.TryFind(subscribe.KeepToken, out Subscription? kept))
        {
            return null;
        }

        KeptOwner owner = kept.Session is { } session ? session.Owner : kept.Keep!.Owner;
        uint? user = _connection.GetPeerCredentials()?.UserId;
        return owner.UserId is null || user is null || owner.UserId == user ? kept : null;
    }

    /// <summary>A subscription that was kept, or that a connection has that is as good as gone, goes on here.</summary>
    private void TakeOver(Subscription kept, in SubscribeFrame subscribe)
    {
        kept.Session?.Lose(kept);
        _table.Kept.Leave(kept);
        Keep keep = kept.Keep!;
        keep.Milliseconds = Math.Min(subscribe.KeepMs ?? keep.Milliseconds, _table.Kept.LimitMs);
        ResumePoint? had = ResumePointOf(subscribe.Resume);
        kept.Attach(this, subscribe.Subscription, subscribe.Credit, subscribe.Position, had);
        _subscriptions.Add(subscribe.Subscription, kept);
        Statistics.TakenOverCount++;
        WriteSubscribed(subscribe.Subscription, keep, kept.Confirmed, takenOver: true);
    }

    /// <summary>Another session has it now.</summary>
    private void Lose(Subscription subscription)
    {
        if (_subscriptions.Remove(subscription.Id))
        {
            WriteUnsubscribed(ErrorCode.TakenOver, subscription.Id,
                $"Subscription {subscription.Id} goes on in another session, which named its token.");
            _connection.RequestFlush();
        }
    }

    /// <summary>The connection is gone or will not be read again: what is to be kept waits for its client.</summary>
    /// <param name="isBroken">False where the client said good-bye: then only what is paused is kept.</param>
    private void DetachKept(bool isBroken)
    {
        if (_table.IsLeaving || (_saidBye && isBroken))
        {
            return;
        }

        List<Subscription>? kept = null;
        foreach (Subscription subscription in _subscriptions.Values)
        {
            if (subscription.Keep is { } keep && (isBroken || keep.IsPaused))
            {
                (kept ??= []).Add(subscription);
            }
        }

        foreach (Subscription subscription in kept ?? [])
        {
            _subscriptions.Remove(subscription.Id);
            _table.Kept.Detach(subscription, Owner, isBroken);
        }
    }

    private void OnPause(ReadOnlySpan<byte> frame)
    {
        if (PauseFrame.TryRead(frame, out PauseFrame pause) != ErrorCode.None)
        {
            Fail(ErrorCode.Malformed, "PAUSE: the frame is too short.");
            return;
        }

        if (!_subscriptions.TryGetValue(pause.Subscription, out Subscription? subscription)
            || subscription.Keep is null)
        {
            CountRefusal(ErrorCode.UnknownSubscription);
            WritePaused(ErrorCode.UnknownSubscription, pause.Subscription,
                $"Subscription {pause.Subscription} is not open, or was not opened to be kept (property 0x44).");
            return;
        }

        if (pause.Milliseconds > 0)
        {
            _table.Kept.Pause(subscription, pause.Milliseconds);
        }
        else
        {
            _table.Kept.Leave(subscription);
            subscription.GoOn();
        }

        WritePaused(ErrorCode.None, pause.Subscription, "");
    }

    private void WritePaused(ErrorCode code, uint subscription, string text)
    {
        var frame = new PausedFrame
        {
            Code = code,
            Subscription = subscription,
            Text = System.Text.Encoding.UTF8.GetBytes(text),
        };
        CommitAnswer(frame.Write(ReserveAnswer(frame.FrameBytes)));
    }

    private void WriteSubscribed(uint subscription, Keep? keep, StreamPosition position, bool takenOver)
    {
        Span<byte> token = stackalloc byte[ProtocolLimits.KeepTokenBytes];
        if (keep is not null)
        {
            BitConverter.TryWriteBytes(token, keep.Token);
        }

        var frame = new SubscribedFrame
        {
            Subscription = subscription,
            KeepMs = keep?.Milliseconds ?? 0,
            KeepToken = keep is null ? default : token,
            Position = keep is null ? null : position,
            TakenOver = takenOver,
        };
        CommitAnswer(frame.Write(ReserveAnswer(frame.FrameBytes)));
    }
}
