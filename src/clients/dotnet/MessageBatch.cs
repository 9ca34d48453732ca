using System.Buffers.Binary;
using System.Runtime.InteropServices;
using NexusD.Protocol;
using NexusD.Protocol.App;
using NexusdClient.Receiving;

namespace NexusdClient;

/// <summary>
/// Events that came together, to be walked with <c>foreach</c> without allocating. Valid until the next batch is asked
/// for.
/// </summary>
public sealed class MessageBatch
{
    private const int FirstBytes = 4096;
    private const int IdleBytes = 64 * 1024;

    private readonly List<ReceivedRun> _runs = [];
    private byte[] _bytes = [];

    internal MessageBatch()
    {
    }

    /// <summary>Number of events.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes of the frames, as they count against the subscription's credit.</summary>
    internal int Bytes { get; private set; }

    /// <summary>Walks the events.</summary>
    public Enumerator GetEnumerator() => new(this);

    /// <summary>Copies a DELIVER frame whose body was validated to hold <paramref name="count"/> events.</summary>
    internal void Add(ReadOnlySpan<byte> frame, in DeliverFrame deliver, InboundTopic topic, string node, int count)
    {
        if (_bytes.Length - Bytes < frame.Length)
        {
            Array.Resize(ref _bytes, Math.Max(Math.Max(FirstBytes, _bytes.Length * 2), Bytes + frame.Length));
        }

        frame.CopyTo(_bytes.AsSpan(Bytes));
        _runs.Add(new ReceivedRun
        {
            Topic = topic,
            Origin = new RunOrigin(deliver.Publisher, deliver.Timestamp, deliver.Flags, node),
            FirstNumber = deliver.Number,
            Properties = Bytes + DeliverFrame.HeaderBytes,
            PropertyBytes = deliver.Properties.Length,
            End = Bytes + frame.Length,
        });
        Bytes += frame.Length;
        Count += count;
    }

    internal void Clear()
    {
        // After a burst the memory goes back; under steady load it stays.
        if (_bytes.Length > IdleBytes && Bytes < _bytes.Length / 16)
        {
            _bytes = [];
        }

        _runs.Clear();
        Bytes = 0;
        Count = 0;
    }

    /// <summary>Goes to the next event.</summary>
    internal bool MoveNext(ref BatchCursor cursor)
    {
        var at = cursor.PayloadEnd;
        while (cursor.Run < 0 || at >= _runs[cursor.Run].End)
        {
            if (++cursor.Run >= _runs.Count)
            {
                return false;
            }

            var run = _runs[cursor.Run];
            at = run.Properties + run.PropertyBytes;
            cursor.Number = run.FirstNumber - 1;
        }

        cursor.Payload = at + EventRunBody.SizeFieldBytes;
        cursor.PayloadEnd = cursor.Payload + BinaryPrimitives.ReadInt32LittleEndian(_bytes.AsSpan(at));
        cursor.Number++;
        return true;
    }

    internal MessageView View(scoped in BatchCursor cursor)
    {
        ref readonly var run = ref CollectionsMarshal.AsSpan(_runs)[cursor.Run];
        return new MessageView(
            run.Topic,
            _bytes.AsSpan(cursor.Payload..cursor.PayloadEnd),
            in run.Origin,
            cursor.Number,
            _bytes.AsSpan(run.Properties, run.PropertyBytes));
    }

    /// <summary>Walks the events of a batch.</summary>
    public ref struct Enumerator
    {
        private readonly MessageBatch _batch;
        private BatchCursor _cursor = BatchCursor.Start;

        internal Enumerator(MessageBatch batch) => _batch = batch;

        /// <summary>The event.</summary>
        public readonly MessageView Current => _batch.View(in _cursor);

        /// <summary>Goes to the next event.</summary>
        public bool MoveNext() => _batch.MoveNext(ref _cursor);
    }
}
