using NexusD.Buffers;
using NexusD.Quic.Native;
using NexusD.Quic.Ngtcp2;
using Xunit;

namespace NexusD.Quic.Tests.Ngtcp2;

/// <summary>
/// The send queue against a plain list of bytes, with random writes, sends, acknowledgements and resets.
/// </summary>
public unsafe class SendQueueTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Behaves_like_a_list_of_bytes(int seed)
    {
        var random = new Random(seed);
        var pool = new SlabPool();
        var queue = new SendQueue();
        var unsent = new Queue<byte>();
        long inFlight = 0;
        NgVec* vectors = stackalloc NgVec[4];
        Slab shared = pool.Rent();
        int used = 0;
        byte next = 0;
        for (int step = 0; step < 20_000; step++)
        {
            switch (random.Next(5))
            {
                case 0 or 1:
                    int length = random.Next(1, 200);
                    if (used + length > shared.Capacity || random.Next(4) == 0)
                    {
                        shared.Release();
                        shared = pool.Rent();
                        used = 0;
                    }

                    used += random.Next(8) == 0 && used + length < shared.Capacity ? 1 : 0;
                    for (int i = 0; i < length; i++)
                    {
                        shared.Span[used + i] = next;
                        unsent.Enqueue(next++);
                    }

                    shared.Retain();
                    queue.Append(shared, used, length);
                    used += length;
                    break;
                case 2:
                    int count = queue.Gather(vectors, 4, random.Next(1, 500), out bool all);
                    Assert.Equal(all, Total(vectors, count) == unsent.Count);
                    inFlight += Send(queue, vectors, count, unsent, random);
                    break;
                case 3:
                    long acknowledged = random.NextInt64(inFlight + 1);
                    queue.Acknowledge(acknowledged);
                    inFlight -= acknowledged;
                    break;
                case 4 when random.Next(50) == 0:
                    Assert.Equal(unsent.Count, queue.DropUnsent());
                    unsent.Clear();
                    break;
            }

            Assert.Equal(unsent.Count, queue.Unsent);
            Assert.Equal(unsent.Count + inFlight, queue.Held);
        }

        Assert.Equal(unsent.Count + inFlight, queue.Clear());
        shared.Release();
        Assert.Equal(0, pool.RentedBytes);
    }

    private static long Total(NgVec* vectors, int count)
    {
        long total = 0;
        for (int i = 0; i < count; i++)
        {
            total += (long)vectors[i].Length;
        }

        return total;
    }

    private static long Send(SendQueue queue, NgVec* vectors, int count, Queue<byte> expected, Random random)
    {
        long take = random.NextInt64(Total(vectors, count) + 1);
        long left = take;
        for (int i = 0; i < count && left > 0; i++)
        {
            for (nuint at = 0; at < vectors[i].Length && left > 0; at++, left--)
            {
                Assert.Equal(expected.Dequeue(), vectors[i].Base[at]);
            }
        }

        queue.MarkSent(take);
        return take;
    }
}
