using NexusD.Buffers;
using NexusD.Transport.Native;

namespace NexusD.Transport.Tests;

/// <summary>The chain of pieces against a plain list of bytes, seeded.</summary>
public sealed unsafe class OutgoingBytesTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void RandomUse_SendsWhatWasAppended_AndGivesEverySlabBack(int seed)
    {
        var pool = new SlabPool();
        var outgoing = new OutgoingBytes(pool);
        var random = new Random(seed);
        var expected = new List<byte>();
        int sent = 0;
        byte[] lent = GC.AllocateArray<byte>(100_000, pinned: true);
        for (int step = 0; step < 3_000; step++)
        {
            switch (random.Next(7))
            {
                case 0:
                    AppendReserved(outgoing, random, expected);
                    break;
                case 1:
                    AppendCopy(outgoing, random, expected);
                    break;
                case 2:
                    AppendShared(outgoing, pool, random, expected);
                    break;
                case 3 when !outgoing.HasLoans:
                    AppendOnLoan(outgoing, lent, random, expected);
                    break;
                case 4:
                    outgoing.Settle();
                    random.NextBytes(lent);
                    break;
                default:
                    sent += SendSome(outgoing, random, expected, sent);
                    break;
            }

            Assert.Equal(expected.Count - sent, outgoing.PendingBytes);
        }

        while (outgoing.PendingBytes > 0)
        {
            sent += SendSome(outgoing, random, expected, sent);
        }

        Assert.Equal(expected.Count, sent);
        Assert.Equal(0, pool.RentedBytes);
    }

    [Fact]
    public void Clear_GivesEverySlabBack()
    {
        var pool = new SlabPool();
        var outgoing = new OutgoingBytes(pool);
        var random = new Random(7);
        for (int i = 0; i < 100; i++)
        {
            AppendReserved(outgoing, random, []);
            AppendCopy(outgoing, random, []);
            AppendShared(outgoing, pool, random, []);
        }

        Assert.True(pool.RentedBytes > 0);
        outgoing.Clear();
        Assert.Equal(0, outgoing.PendingBytes);
        Assert.Equal(0, pool.RentedBytes);
    }

    private static void AppendReserved(OutgoingBytes outgoing, Random random, List<byte> expected)
    {
        byte[] bytes = Bytes(random, 1 + random.Next(200));
        byte* target = outgoing.Reserve(bytes.Length + random.Next(100));
        bytes.CopyTo(new Span<byte>(target, bytes.Length));
        outgoing.Commit(bytes.Length);
        expected.AddRange(bytes);
    }

    private static void AppendCopy(OutgoingBytes outgoing, Random random, List<byte> expected)
    {
        byte[] bytes = Bytes(random, random.Next(150_000));
        fixed (byte* start = bytes)
        {
            outgoing.AppendCopy(start, bytes.Length);
        }

        expected.AddRange(bytes);
    }

    private static void AppendShared(OutgoingBytes outgoing, SlabPool pool, Random random, List<byte> expected)
    {
        Slab slab = pool.Rent(1 + random.Next(200_000));
        random.NextBytes(slab.Span);
        int offset = random.Next(slab.Capacity - 1);
        int length = 1 + random.Next(slab.Capacity - offset);
        outgoing.AppendShared(slab, offset, length);
        expected.AddRange(slab.Slice(offset, length));
        slab.Release();
    }

    private static void AppendOnLoan(OutgoingBytes outgoing, byte[] lent, Random random, List<byte> expected)
    {
        int length = 1 + random.Next(lent.Length);
        fixed (byte* start = lent)
        {
            outgoing.AppendOnLoan(start, length);
        }

        expected.AddRange(lent.AsSpan(0, length));
    }

    private static int SendSome(OutgoingBytes outgoing, Random random, List<byte> expected, int sent)
    {
        Libc.IoVector* vectors = stackalloc Libc.IoVector[8];
        int count = outgoing.Fill(vectors, 8, out long bytes);
        int part = (int)Math.Min(bytes, random.Next(200_000));
        int left = part;
        int at = sent;
        for (int i = 0; i < count && left > 0; i++)
        {
            int length = (int)Math.Min((long)vectors[i].Length, left);
            Assert.True(new ReadOnlySpan<byte>(vectors[i].Base, length)
                .SequenceEqual(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(expected).Slice(at, length)));
            at += length;
            left -= length;
        }

        outgoing.Advance(part);
        return part;
    }

    private static byte[] Bytes(Random random, int length)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }
}
