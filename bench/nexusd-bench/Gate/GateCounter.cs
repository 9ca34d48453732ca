using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NexusdBench.Gate;

/// <summary>
/// The subscriber's side of the gate: counts what came for the publishers to see, and keeps the delay of stamped
/// events. <see cref="See"/> belongs to the reading thread; <see cref="IsOver"/> may be asked by another.
/// </summary>
internal sealed unsafe class GateCounter(GateOptions options, GateFile gate)
{
    // A second without an event after all publishers ended: the rest is lost.
    private const long QuietNanoseconds = 1_000_000_000;

    private readonly int _subscriber = options.Subscriber;
    private readonly DelaySamples _delays = new();
    private readonly long _began = Clock.Now;
    private long _firstAt;
    private long _lastAt;
    private ulong _receivedAtFirst;
    private ulong _receivedAtLast;
    private double _cpuAtFirst = -1;
    private ulong _received;
    private ulong _quietAt;
    private long _quietSince;

    internal ulong Received => Volatile.Read(ref _received);

    /// <summary>Takes one payload.</summary>
    internal void See(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < GatePayload.HeadBytes)
        {
            return;
        }

        ref readonly var head = ref MemoryMarshal.AsRef<GatePayload>(payload);
        var publisher = head.Publisher;
        if (publisher >= GateFile.MaxParties)
        {
            return;
        }

        if (head.Sequence == GatePayload.Warmup)
        {
            Volatile.Write(ref *gate.Seen(_subscriber, (int)publisher), 1);
            return;
        }

        var cell = gate.Received(_subscriber, (int)publisher);
        Volatile.Write(ref *cell, *cell + 1);
        if (head.SentAt != 0)
        {
            Time(head.SentAt, head.DueAt);
        }

        Volatile.Write(ref _received, _received + 1);
    }

    /// <summary>Whether all came, nothing more comes, or the deadline passed.</summary>
    internal bool IsOver()
    {
        var now = Clock.Now;
        if (now - _began > Clock.Nanoseconds(options.Deadline))
        {
            return true;
        }

        for (var i = 0; i < options.Publishers; i++)
        {
            if (Volatile.Read(ref *gate.Done(i)) == 0)
            {
                _quietSince = 0;
                return false;
            }
        }

        var received = Received;
        if (received >= Wanted())
        {
            return true;
        }

        if (received != _quietAt || _quietSince == 0)
        {
            (_quietAt, _quietSince) = (received, now);
        }

        return now - _quietSince > QuietNanoseconds;
    }

    internal string Report()
    {
        var seconds = Clock.Seconds(_lastAt - _firstAt);
        return GateReport.Subscriber(new SubscriberFigures
        {
            Received = _received,
            Lost = (long)(Wanted() - _received),
            Seconds = seconds,
            Rate = seconds > 0 ? (_receivedAtLast - _receivedAtFirst) / seconds : 0,
            CpuSeconds = _cpuAtFirst < 0 ? 0 : ProcessFigures.OwnCpuSeconds - _cpuAtFirst,
            Sent = _delays.Percentiles(fromDue: false, leaveOutStart: options.Rate > 0),
            Due = options.Rate > 0 ? _delays.Percentiles(fromDue: true, leaveOutStart: true) : null,
        });
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Time(long sent, long due)
    {
        var now = Clock.Now;
        if (_firstAt == 0)
        {
            (_firstAt, _receivedAtFirst, _cpuAtFirst) = (now, _received, ProcessFigures.OwnCpuSeconds);
        }

        (_lastAt, _receivedAtLast) = (now, _received);
        _delays.Add(now - sent, now - due);
    }

    private ulong Wanted()
    {
        ulong wanted = 0;
        for (var i = 0; i < options.Publishers; i++)
        {
            wanted += Volatile.Read(ref *gate.Sent(i));
        }

        return wanted;
    }
}
