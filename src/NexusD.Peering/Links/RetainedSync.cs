using NexusD.Protocol;
using NexusD.Protocol.Peer;
using NexusD.Routing.Retained;

namespace NexusD.Peering.Links;

/// <summary>
/// Keeps the retained stores of two nodes the same: tells the own digest, asks when the peer's differs, and answers
/// when asked (peer-v1.md, "Retained repair").
/// </summary>
/// <remarks>
/// <para>An answer is a list of references taken at its start and is sent as the peer acknowledges: at most
/// <see cref="MostBacklogBytes"/> wait. Requests that come meanwhile are folded into one more answer.</para>
/// <para>Stores that are written to all the time differ at every moment without anything being wrong, and stores at
/// their budget may differ for good. So each answer that brought nothing doubles the time until the next question, up
/// to <see cref="LongestPauseNs"/>; one that brought something takes it back.</para>
/// </remarks>
internal sealed class RetainedSync(MeshContext mesh, StreamWriter control, Func<long> backlog)
{
    internal const long MostBacklogBytes = 2 * 1024 * 1024;

    private const int BytesPerTurn = 512 * 1024;
    private const long LongestPauseNs = 300_000_000_000;

    /// <summary>A question without an answer for so long is asked again.</summary>
    private const long AnswerTimeoutNs = 60_000_000_000;

    private readonly long _settleNs = mesh.Options.SettleTime.Ticks * 100;
    private readonly long _repairNs = mesh.Options.RepairInterval.Ticks * 100;
    private readonly List<RetainedEvent> _answer = [];
    private int _answered;
    private bool _isAnswering;
    private bool _answerAgain;
    private ulong _seenDigest;
    private long _stateDueNs = long.MaxValue;
    private long _settledNs = long.MaxValue;
    private long _askedNs = long.MinValue;
    private long _askNotBeforeNs = long.MinValue;
    private long _pauseNs;

    private RetainedStore Store => mesh.Router.Retained;

    private bool IsAsking => _askedNs != long.MinValue;

    /// <summary>Retained events of the running answer that were newer than what was here.</summary>
    public int Taken { get; set; }

    /// <summary>The link is up.</summary>
    public void Start() => SendState(mesh.Loop.NowNs);

    /// <summary>The peer told its digest.</summary>
    public void ReadState(in RetainedStateFrame state)
    {
        long nowNs = mesh.Loop.NowNs;
        if (state.Digest == Store.Digest)
        {
            _pauseNs = 0;
            _askNotBeforeNs = long.MinValue;
            return;
        }

        bool waits = IsAsking && nowNs - _askedNs < AnswerTimeoutNs;
        if (!waits && nowNs >= _askNotBeforeNs)
        {
            _askedNs = nowNs;
            Taken = 0;
            mesh.Counters.RetainedRepairs++;
            Protocol.Frames.EmptyFrame.Write(control.Reserve(FrameHeader.Size), PeerFrameKind.RetainedRequest);
        }
    }

    /// <summary>The peer's answer is complete.</summary>
    public void ReadEnd()
    {
        if (!IsAsking)
        {
            return;
        }

        _askedNs = long.MinValue;
        _pauseNs = Taken > 0 ? 0 : Math.Clamp(_pauseNs * 2, _repairNs, LongestPauseNs);
        _askNotBeforeNs = mesh.Loop.NowNs + _pauseNs;
    }

    /// <summary>The peer asked.</summary>
    public void ReadRequest()
    {
        if (_isAnswering)
        {
            _answerAgain = true;
            return;
        }

        BeginAnswer();
        Continue();
    }

    /// <summary>Sends on when the peer has taken what it got.</summary>
    public void Continue()
    {
        int sent = 0;
        while (_isAnswering && sent < BytesPerTurn && backlog() < MostBacklogBytes)
        {
            if (_answered < _answer.Count)
            {
                sent += Send(_answer[_answered++]);
                continue;
            }

            new RetainedStateFrame(Store.Digest, (uint)Store.Count, isEnd: true)
                .Write(control.Reserve(RetainedStateFrame.FrameBytes));
            EndAnswer();
        }
    }

    /// <summary>Does what is due; returns when to call again.</summary>
    public long Tick(long nowNs)
    {
        Continue();
        if (Store.Digest != _seenDigest)
        {
            _seenDigest = Store.Digest;
            _settledNs = nowNs + _settleNs;
        }

        if (nowNs >= Math.Min(_stateDueNs, _settledNs))
        {
            SendState(nowNs);
        }

        return Math.Min(_stateDueNs, _settledNs);
    }

    private void BeginAnswer()
    {
        _isAnswering = true;
        _answerAgain = false;
        _answered = 0;
        Store.CollectAll(_answer);
    }

    private void EndAnswer()
    {
        _answer.Clear();
        _answer.TrimExcess();
        _isAnswering = false;
        if (_answerAgain)
        {
            BeginAnswer();
        }
    }

    private int Send(RetainedEvent retained)
    {
        ReadOnlySpan<byte> topic = retained.Topic.Utf8;
        int propertyBytes = PropertyWriter.Size(topic.Length) + retained.Properties.Length;
        int frameBytes = RetainedFrame.HeaderBytes + propertyBytes + retained.Body.Length;
        Span<byte> list = stackalloc byte[ProtocolLimits.MaxEventPropertyBytes + ProtocolLimits.MaxTopicBytes + 16];
        var properties = new PropertyWriter(list);
        properties.Write(PropertyId.Topic, topic);
        retained.Properties.CopyTo(list[properties.Written..]);
        var frame = new RetainedFrame
        {
            IsTombstone = retained.IsTombstone,
            Publisher = retained.Publisher,
            Number = retained.Number,
            Timestamp = retained.Timestamp,
            Properties = list[..propertyBytes],
            Body = retained.Body,
        };
        frame.Write(control.Reserve(frameBytes));
        return frameBytes;
    }

    private void SendState(long nowNs)
    {
        _stateDueNs = nowNs + _repairNs;
        _settledNs = long.MaxValue;
        _seenDigest = Store.Digest;
        new RetainedStateFrame(Store.Digest, (uint)Store.Count, isEnd: false)
            .Write(control.Reserve(RetainedStateFrame.FrameBytes));
    }
}
