using NexusD.Protocol;

namespace NexusD.Simulation.Tests;

/// <summary>What one subscription has to get, and got, of one publisher.</summary>
internal sealed class DeliveryLedger
{
    private const byte Expected = 1;
    private const byte Matched = 2;
    private const byte Delivered = 4;

    private readonly List<byte> _states = [];
    private readonly Dictionary<(Priority, string), ulong> _last = [];
    private readonly ulong[] _lastOfClass = new ulong[3];
    private long _firstSeenNs = long.MaxValue;

    /// <summary>Events told as lost.</summary>
    public long Told { get; private set; }

    /// <summary>Whether anything has come of this publisher.</summary>
    public bool IsSeen => _firstSeenNs != long.MaxValue;

    public void Expect(ulong number) => At(number) |= Expected;

    public bool IsExpected(ulong number) => (At(number) & Expected) != 0;

    public bool IsDelivered(ulong number) => (At(number) & Delivered) != 0;

    public void Tell(ulong count) => Told += (long)count;

    public void See(long nowNs) => _firstSeenNs = Math.Min(_firstSeenNs, nowNs);

    /// <summary>The router handed an event over. False when it did so before.</summary>
    public bool Match(ulong number, long nowNs)
    {
        See(nowNs);
        ref byte state = ref At(number);
        bool isNew = (state & Matched) == 0;
        state |= Matched;
        return isNew;
    }

    /// <summary>
    /// An event was delivered. False when a later one of its class, or of class and topic, was delivered before it.
    /// </summary>
    /// <remarks>
    /// The order of retained events is not looked at: repair may bring one before others that still lie in a lane.
    /// </remarks>
    public bool Deliver(ulong number, in PublishedEvent published, bool byTopic)
    {
        At(number) |= Delivered;
        if (published.Retain)
        {
            return true;
        }

        ref ulong lastOfClass = ref _lastOfClass[(int)published.Priority];
        lastOfClass = Math.Max(lastOfClass, number);
        (Priority, string) key = (published.Priority, byTopic ? published.Topic : "");
        ulong last = _last.GetValueOrDefault(key);
        _last[key] = Math.Max(last, number);
        return number > last;
    }

    /// <summary>Between how many and how many events must have been told as lost.</summary>
    /// <param name="publisher">The publisher.</param>
    /// <param name="isOver">
    /// The publisher's or the subscriber's process is gone: of what comes behind the last delivery nothing is known.
    /// </param>
    public (long Least, long Most) Bounds(SimulatedPublisher publisher, bool isOver)
    {
        long least = 0;
        long most = 0;
        for (int i = 0; i < publisher.Events.Count; i++)
        {
            ulong number = (ulong)i + 1;
            if (IsDelivered(number))
            {
                continue;
            }

            most++;
            PublishedEvent published = publisher.Events[i];
            bool isKnown = !isOver || number < _lastOfClass[(int)published.Priority];

            // Who has had nothing of a publisher is not told what is lost of it (peer-v1.md, GAP).
            least += IsExpected(number) && isKnown && published.AtNs > _firstSeenNs ? 1 : 0;
        }

        return (least, most);
    }

    private ref byte At(ulong number)
    {
        while ((ulong)_states.Count < number)
        {
            _states.Add(0);
        }

        return ref System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_states)[(int)number - 1];
    }
}
