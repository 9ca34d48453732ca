using System.Text;
using NexusD.Protocol;
using NexusD.Protocol.App;
using NexusD.Protocol.Frames;
using NexusD.Protocol.Topics;
using NexusD.Routing;
using NexusD.Routing.Queues;
using NexusD.Routing.Recovery;
using NexusD.Routing.Retained;

namespace NexusD.Sessions;

/// <content>What each kind of frame asks for; PUBLISH has a part of its own.</content>
internal sealed partial class AppSession
{
    private void OnHello(ReadOnlySpan<byte> frame)
    {
        if (HelloFrame.TryRead(frame, out HelloFrame hello) != ErrorCode.None)
        {
            Fail(ErrorCode.Malformed, "HELLO: a property runs past the end or has a value out of its range.");
            return;
        }

        if (_table.IsLeaving)
        {
            Fail(ErrorCode.ShuttingDown, "The daemon is leaving; connect again later.");
            return;
        }

        _clientName = Encoding.UTF8.GetString(hello.ClientName);
        _clientLibrary = Encoding.UTF8.GetString(hello.ClientLibrary);
        _maxFrameBytes = (int)Math.Min(hello.MaxFrame, int.MaxValue);
        _outgoing = new OutgoingAliases(hello.MaxAliases, _table.Epochs);
        _publisher = _table.ClaimPublisher(this, hello.PublisherId);
        _publisher.PinAsLocal(hello.NextNumber);
        _nextNumber = hello.NextNumber;
        _state = State.Open;
        WriteWelcome();
    }

    private void OnTopic(ReadOnlySpan<byte> frame)
    {
        if (TopicFrame.TryRead(frame, out TopicFrame declared) != ErrorCode.None)
        {
            Fail(ErrorCode.Malformed, "TOPIC: the frame is too short or the alias is 0.");
            return;
        }

        TopicError error = TopicName.Validate(declared.Topic);
        bool isRefused = error != TopicError.None || TopicName.IsReserved(declared.Topic);
        Topic topic = isRefused ? _table.RefusedTopic : _table.Router.Intern(declared.Topic);
        if (!_incoming.TrySet(declared.Alias, topic))
        {
            Fail(ErrorCode.Malformed, $"TOPIC: alias {declared.Alias} is above the limit of "
                + $"{_incoming.Max} that WELCOME told.");
            return;
        }

        if (isRefused)
        {
            CountRefusal(ErrorCode.BadTopic);
            WriteError(ErrorCode.BadTopic, closes: false, declared.Alias, error == TopicError.None
                ? "Topics that start with '$' belong to the system; choose another name."
                : error.Describe());
        }
    }

    private void OnSubscribe(ReadOnlySpan<byte> frame)
    {
        ErrorCode code = SubscribeFrame.TryRead(frame, out SubscribeFrame subscribe);
        if (code == ErrorCode.Malformed)
        {
            Fail(code, "SUBSCRIBE: the frame breaks the format, the subscription id is 0, or there is no filter.");
            return;
        }

        string text = "";
        List<TopicFilter> filters = _table.FilterScratch;
        filters.Clear();
        List<GroupFilter> groups = [];
        if (code == ErrorCode.OverLimit)
        {
            text = $"A subscription has {ProtocolLimits.MaxFiltersPerSubscription} filters at most; open several.";
        }
        else if (_subscriptions.ContainsKey(subscribe.Subscription))
        {
            code = ErrorCode.SubscriptionInUse;
            text = $"Subscription {subscribe.Subscription} is open already; choose another id or close it first.";
        }
        else if (_subscriptions.Count >= _table.Options.MaxSubscriptions)
        {
            code = ErrorCode.TooManySubscriptions;
            text = $"A session has {_table.Options.MaxSubscriptions} subscriptions at most; close some or raise "
                + "--max-subscriptions.";
        }
        else
        {
            code = ParseFilters(subscribe.Filters, filters, groups, out text);
            code = code == ErrorCode.None ? CheckKeep(subscribe, out text) : code;
        }

        Subscription? kept = code == ErrorCode.None ? FindKept(subscribe) : null;
        if (kept is not null && !kept.Keep!.HasSameFilters(filters, groups))
        {
            code = ErrorCode.BadFilter;
            text = "The subscription of this token has other filters; ask for the same ones, or leave the token out.";
        }

        // What is taken back is held already, and goes away sooner with its client there.
        if (code == ErrorCode.None && kept is null && !_table.Memory.MayGrow(isSession: false))
        {
            code = ErrorCode.OutOfMemory;
            text = SessionMemory.NoRoomText;
        }

        if (code != ErrorCode.None)
        {
            CountRefusal(code);
            WriteSubscribed(code, subscribe.Subscription, text);
        }
        else if (kept is not null)
        {
            TakeOver(kept, subscribe);
        }
        else
        {
            Open(subscribe, filters, groups);
        }
    }

    private static ErrorCode ParseFilters(
        ReadOnlySpan<byte> list, List<TopicFilter> filters, List<GroupFilter> groups, out string text)
    {
        var reader = new FilterListReader(list);
        while (reader.TryRead(out ReadOnlySpan<byte> bytes))
        {
            TopicFilter? filter = null;
            GroupFilter? group = null;
            TopicError error = GroupFilter.IsGroup(bytes)
                ? GroupFilter.TryParse(bytes, out group)
                : TopicFilter.TryParse(bytes, out filter);
            if (error != TopicError.None)
            {
                text = $"Filter {filters.Count + groups.Count + 1} is invalid: {error.Describe()}";
                return ErrorCode.BadFilter;
            }

            if (group is not null)
            {
                groups.Add(group);
            }
            else
            {
                filters.Add(filter!);
            }
        }

        if (filters.Count > 0 && groups.Count > 0)
        {
            text = "A subscription has filters of groups ('$share/...') or others, not both; open two.";
            return ErrorCode.BadFilter;
        }

        text = "";
        return ErrorCode.None;
    }

    private static long QueueBound(uint asked, long standard) => asked == 0
        ? standard
        : Math.Min(asked, Math.Min(standard * SessionOptions.LargestQueueFactor, int.MaxValue));

    private void Open(in SubscribeFrame subscribe, List<TopicFilter> filters, List<GroupFilter> groups)
    {
        SessionOptions options = _table.Options;
        int events = (int)QueueBound(subscribe.QueueEvents, options.QueueEvents);
        long bytes = QueueBound(subscribe.QueueBytes, options.QueueBytes);
        var settings = new QueueSettings(events, bytes, subscribe.Overflow ?? options.Overflow);
        TimeSpan blockTimeout = subscribe.BlockTimeoutMs is { } asked
            ? TimeSpan.FromMilliseconds(Math.Min(asked, SessionOptions.MaxBlockTimeout.TotalMilliseconds))
            : options.BlockTimeout;
        var subscription = new Subscription(
            _table,
            this,
            subscribe.Subscription,
            subscribe.Credit,
            settings,
            (int)blockTimeout.TotalMilliseconds,
            groups);
        _subscriptions.Add(subscribe.Subscription, subscription);
        Statistics.SubscriptionCount++;
        if (subscribe.KeepMs is null && subscribe.KeepToken.IsEmpty)
        {
            WriteSubscribed(ErrorCode.None, subscribe.Subscription, "");
        }
        else
        {
            bool isKept = subscribe.KeepMs > 0 && _table.Kept.LimitMs > 0;
            Keep? keep = isKept ? _table.Kept.Register(subscription, subscribe.KeepMs!.Value, filters, groups) : null;
            WriteSubscribed(subscribe.Subscription, keep, default, takenOver: false);
        }

        // What a group missed went to its other members.
        ResumePoint? resumed = filters.Count > 0 ? ResumePointOf(subscribe.Resume) : null;
        subscription.Begin(_table.NowHlc(), !subscribe.NoRetained && filters.Count > 0, resumed);
        foreach (TopicFilter filter in filters)
        {
            _table.Router.Subscribe(subscription, filter);
        }

        foreach (GroupFilter group in groups)
        {
            _table.Router.Join(subscription, group, subscribe.Strategy ?? GroupStrategy.Sticky);
        }

        if (!subscribe.NoRetained && filters.Count > 0)
        {
            List<RetainedEvent> retained = _table.CollectRetained(filters);
            if (resumed is not null)
            {
                retained.RemoveAll(state => resumed.HasState(
                    state.Publisher, state.Priority, state.Number, state.Timestamp));
            }

            if (retained.Count > 0)
            {
                subscription.StartRetained(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(retained));
                retained.Clear();
            }
        }

        if (resumed is not null)
        {
            subscription.Watch(_table.Router.Replay(subscription, filters, resumed, _table.NowHlc()));
        }
    }

    private static ResumePoint? ResumePointOf(ReadOnlySpan<byte> list)
    {
        if (list.IsEmpty)
        {
            return null;
        }

        var reader = new ResumeReader(list);
        var point = new ResumePoint(reader.Since);
        while (reader.TryRead(out ResumeEntry had))
        {
            point.Add(had.Publisher, had.Priority, had.Number, had.Timestamp);
        }

        return point;
    }

    private void OnUnsubscribe(ReadOnlySpan<byte> frame)
    {
        if (UnsubscribeFrame.TryRead(frame, out UnsubscribeFrame unsubscribe) != ErrorCode.None)
        {
            Fail(ErrorCode.Malformed, "UNSUBSCRIBE: the frame is too short.");
        }
        else if (_subscriptions.Remove(unsubscribe.Subscription, out Subscription? subscription))
        {
            CloseSubscription(subscription);
            WriteUnsubscribed(ErrorCode.None, unsubscribe.Subscription, "");
        }
        else
        {
            CountRefusal(ErrorCode.UnknownSubscription);
            WriteUnsubscribed(ErrorCode.UnknownSubscription, unsubscribe.Subscription,
                $"Subscription {unsubscribe.Subscription} is not open.");
        }
    }

    private void OnCredit(ReadOnlySpan<byte> frame)
    {
        if (CreditFrame.TryRead(frame, out CreditFrame credit) != ErrorCode.None)
        {
            Fail(ErrorCode.Malformed, "CREDIT: the frame is too short.");
        }
        else if (_subscriptions.TryGetValue(credit.Subscription, out Subscription? subscription))
        {
            subscription.AddCredit(credit.Bytes);
        }
    }

    private void OnPing(ReadOnlySpan<byte> frame)
    {
        if (PingFrame.TryRead(frame, out PingFrame ping) != ErrorCode.None)
        {
            Fail(ErrorCode.Malformed, "PING: the frame is too short.");
            return;
        }

        WritePong(ping.Opaque);
    }

    private void OnQuery(ReadOnlySpan<byte> frame)
    {
        if (QueryFrame.TryRead(frame, out QueryFrame query) != ErrorCode.None)
        {
            Fail(ErrorCode.Malformed, "QUERY: the text is missing, too long or no UTF-8.");
            return;
        }

        string text = Encoding.UTF8.GetString(query.Text);
        if (!_table.Queries.TryAnswer(text, out ReadOnlyMemory<byte> json))
        {
            CountRefusal(ErrorCode.UnknownQuery);
            WriteResult(ErrorCode.UnknownQuery, query.Request,
                "There is no such query; known are status, peers, topics, clients and retained [FILTER]."u8);
        }
        else if (json.Length > _maxFrameBytes - ResultFrame.HeaderBytes)
        {
            CountRefusal(ErrorCode.OverLimit);
            WriteResult(ErrorCode.OverLimit, query.Request,
                "The answer is longer than the max_frame that this client told in HELLO."u8);
        }
        else
        {
            WriteResult(ErrorCode.None, query.Request, json.Span);
        }
    }
}
