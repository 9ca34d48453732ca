using System.Runtime.InteropServices;
using NexusdClient;

namespace NexusdBench.Gate;

/// <summary>
/// The publisher's side of the gate: warms up until every subscriber has seen it, waits for the other publishers,
/// publishes at a rate or at full speed within the window, and stays until the subscribers are through.
/// </summary>
internal sealed unsafe class GatePublisher(GateOptions options, GateFile gate, GateSender sender)
{
    private const long Millisecond = 1_000_000;
    private const long WindowNap = 100_000;
    private const long LongestStall = 2_000 * Millisecond;
    private const long LongestFarewell = 3_000 * Millisecond;

    // Up to this rate every event is stamped and sent on its own.
    private const double SingleRate = 20_000;

    private readonly byte[] _payload = GatePayload.Make(options.Size, options.Publisher);
    private readonly int _topics = options.Topics;
    private uint _random = 12_345 + (uint)options.Publisher;
    private ulong _sent;
    private int _stalls;

    private ref GatePayload Head => ref MemoryMarshal.AsRef<GatePayload>(_payload.AsSpan());

    /// <summary>Runs to the end and returns the report.</summary>
    /// <exception cref="NexusdException">A subscriber or another publisher did not come.</exception>
    internal string Run()
    {
        Warm();
        var cpu = ProcessFigures.OwnCpuSeconds;
        var start = Clock.Now;
        var end = start + Clock.Nanoseconds(options.Seconds);
        if (options.Rate > 0)
        {
            PublishAtRate(start, end);
        }
        else
        {
            PublishAtFullSpeed(end);
        }

        sender.Flush();
        var stop = Clock.Now;
        Volatile.Write(ref *gate.Sent(options.Publisher), _sent);
        Volatile.Write(ref *gate.Done(options.Publisher), 1);
        // Still connected, so that nothing queued is thrown away.
        while (Slowest() < _sent && Clock.Now - stop < LongestFarewell)
        {
            Clock.Sleep(5 * Millisecond);
        }

        var used = ProcessFigures.OwnCpuSeconds - cpu;
        return GateReport.Publisher(_sent, Clock.Seconds(stop - start), used, _stalls);
    }

    private void Warm()
    {
        var giveUp = Clock.Now + Clock.Nanoseconds(options.Deadline / 2);
        Head.Stamp(0, 0, GatePayload.Warmup);
        while (!IsSeenByAll())
        {
            Check(giveUp, "No subscriber answered the warm-up.");
            sender.Send(0, _payload);
            sender.Flush();
            Clock.Sleep(5 * Millisecond);
        }

        Volatile.Write(ref *gate.AtStart(options.Publisher), 1);
        while (options.Publishers > 1 && !AreAllAtStart())
        {
            Check(giveUp, "The other publishers did not start.");
            Clock.Sleep(Millisecond);
        }

        Clock.Sleep(50 * Millisecond);
    }

    private void PublishAtRate(long start, long end)
    {
        var interval = 1e9 / options.Rate;
        var single = options.Rate <= SingleRate;
        for (; _sent < options.Count; _sent++)
        {
            var due = start + (long)(_sent * interval);
            if (due >= end)
            {
                break;
            }

            var now = Clock.Now;
            if (now < due)
            {
                if (!single)
                {
                    sender.Flush();
                }

                Clock.SleepUntil(due);
                now = Clock.Now;
            }

            Head.Stamp(single || _sent % GatePayload.StampEvery == 0 ? now : 0, due, _sent);
            sender.Send(NextTopic(), _payload);
            if (single)
            {
                sender.Flush();
            }
        }
    }

    private void PublishAtFullSpeed(long end)
    {
        var window = options.Window > 0 ? options.Window : ulong.MaxValue;
        var count = options.Count;
        var payload = _payload.AsSpan();
        ref var head = ref Head;
        for (; _sent < count; _sent++)
        {
            long now = 0;
            if (_sent % GatePayload.StampEvery == 0)
            {
                now = Clock.Now;
                if (now >= end)
                {
                    break;
                }

                if (window != ulong.MaxValue && _sent - Slowest() > window)
                {
                    now = WaitForRoom(ref window, now);
                }
            }

            head.Stamp(now, now, _sent);
            sender.Send(NextTopic(), payload);
        }
    }

    /// <summary>Until an eighth of the window is free again; a window that stays full is given up as lost.</summary>
    private long WaitForRoom(ref ulong window, long began)
    {
        sender.Flush();
        _stalls++;
        var now = began;
        while (_sent - Slowest() > window - (window / 8))
        {
            Clock.Sleep(WindowNap);
            now = Clock.Now;
            if (now - began > LongestStall)
            {
                window += _sent - Slowest();
                break;
            }
        }

        return now;
    }

    private int NextTopic()
    {
        if (_topics == 1)
        {
            return 0;
        }

        _random = unchecked((_random * 1_664_525) + 1_013_904_223);
        return (int)((_random >> 8) % (uint)_topics);
    }

    private ulong Slowest()
    {
        var slowest = ulong.MaxValue;
        for (var i = 0; i < options.Subscribers; i++)
        {
            slowest = Math.Min(slowest, Volatile.Read(ref *gate.Received(i, options.Publisher)));
        }

        return slowest;
    }

    private bool IsSeenByAll()
    {
        var all = true;
        for (var i = 0; i < options.Subscribers; i++)
        {
            all &= Volatile.Read(ref *gate.Seen(i, options.Publisher)) != 0;
        }

        return all;
    }

    private bool AreAllAtStart()
    {
        var all = true;
        for (var i = 0; i < options.Publishers; i++)
        {
            all &= Volatile.Read(ref *gate.AtStart(i)) != 0;
        }

        return all;
    }

    private static void Check(long giveUp, string message)
    {
        if (Clock.Now > giveUp)
        {
            throw new NexusdException(message);
        }
    }
}
