using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using NexusD.Protocol.Greetings;
using NexusD.Protocol.Tests.Vectors;
using NexusD.Protocol.Topics;

namespace NexusD.Protocol.Tests;

/// <summary>
/// Bytes that went wrong: no reader throws, none leaves its span (the bytes lie against pages that cannot be touched),
/// and what a reader accepts means the same after it was written and read again. Seeds are fixed.
/// </summary>
public sealed class MutationTests : IDisposable
{
    private const int MaxBytes = 4096;
    private static readonly string[] _special = ["frame", "client_greeting", "greeting_detection"];

    private readonly GuardedMemory _memory = new(MaxBytes);

    public void Dispose() => _memory.Dispose();

    [Theory]
    [InlineData("app-v1.json", 60_000, 11)]
    [InlineData("peer-v1.json", 60_000, 12)]
    [InlineData("beacon.json", 30_000, 13)]
    public void MutatedRecords(string file, int rounds, int seed)
    {
        Dictionary<string, VectorCodec> codecs =
            file[0] == 'a' ? AppCodecs.All : file[0] == 'p' ? PeerCodecs.All : BeaconCodecs.All;
        (string Kind, byte[] Bytes)[] seeds = [.. VectorFile.LoadList(file, "vectors").Values
            .Select(record => (Kind: record.Name("kind"), Bytes: VectorFile.Bytes(record["hex"]!)))
            .Where(record => record.Bytes.Length <= MaxBytes / 2 && !_special.Contains(record.Kind))];
        Random random = new(seed);
        byte[] mutated = new byte[MaxBytes];
        int accepted = 0;
        for (int round = 0; round < rounds; round++)
        {
            (string kind, byte[] original) = seeds[random.Next(seeds.Length)];
            bool isFrame = kind is not ("daemon_greeting" or "preamble" or "beacon");
            int length = Mutate(random, original, mutated, isFrame);
            ReadOnlySpan<byte> input = _memory.AtEnd(mutated.AsSpan(0, length));
            try
            {
                accepted += CheckOne(codecs[kind], input) ? 1 : 0;
            }
            catch (Exception error)
            {
                Assert.Fail($"round {round}, {kind}: {Convert.ToHexStringLower(input)}\n{error}");
            }
        }

        // Else the mutations are so wild that they test the first check only, or so mild that they change nothing.
        Assert.InRange(accepted, rounds / 20, rounds * 9 / 10);
    }

    [Fact]
    public void RandomBytesThroughEveryReader()
    {
        VectorCodec[] codecs = [.. AppCodecs.All.Concat(PeerCodecs.All).Concat(BeaconCodecs.All)
            .Where(codec => !_special.Contains(codec.Key)).Select(codec => codec.Value)];
        Random random = new(14);
        byte[] bytes = new byte[300];
        for (int round = 0; round < 20_000; round++)
        {
            Span<byte> used = bytes.AsSpan(0, random.Next(bytes.Length));
            random.NextBytes(used);
            codecs[round % codecs.Length].Decode(_memory.AtEnd(used), ReaderLimits.Of([]));
            codecs[round % codecs.Length].Decode(_memory.AtStart(used), ReaderLimits.Of([]));
        }
    }

    [Fact]
    public void StreamsAreCutIntoFramesThatLieInside()
    {
        Random random = new(15);
        byte[] bytes = new byte[200];
        int complete = 0;
        for (int round = 0; round < 100_000; round++)
        {
            Span<byte> used = bytes.AsSpan(0, random.Next(bytes.Length));
            random.NextBytes(used);
            if (used.Length >= 4 && random.Next(2) == 0)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(used, (uint)random.Next(bytes.Length));
            }

            FrameStatus status = FrameHeader.TryCut(_memory.AtEnd(used), 150, out FrameHeader header);
            switch (status)
            {
                case FrameStatus.Complete:
                    Assert.InRange(header.FrameBytes, FrameHeader.Size, Math.Min(used.Length, 150));
                    complete++;
                    break;
                case FrameStatus.NeedMore:
                    Assert.True(used.Length < FrameHeader.Size || header.FrameBytes is > 0 and <= 150);
                    break;
                case FrameStatus.TooLarge:
                    Assert.True(header.Length + 4L > 150);
                    break;
                default:
                    Assert.Equal(FrameStatus.Malformed, status);
                    Assert.True(header.Length < 4 || !FrameKind.IsAssignable(header.Kind));
                    break;
            }

            ClientGreeting.Detect(_memory.AtEnd(used), out _);
        }

        Assert.True(complete > 1_000);
    }

    [Fact]
    public void RandomTopicsAndFilters()
    {
        Random random = new(16);
        byte[] alphabet = [.. "/*+#$ab\0"u8, 0xC3, 0xA4, 0xFF];
        byte[] text = new byte[12];
        int valid = 0;
        for (int round = 0; round < 100_000; round++)
        {
            Span<byte> used = text.AsSpan(0, random.Next(text.Length + 1));
            foreach (ref byte letter in used)
            {
                letter = alphabet[random.Next(alphabet.Length)];
            }

            ReadOnlySpan<byte> guarded = _memory.AtEnd(used);
            bool isName = TopicName.Validate(guarded) == TopicError.None;
            bool isFilter = TopicFilter.TryParse(guarded, out TopicFilter? filter) == TopicError.None;
            Assert.Equal(isFilter, filter is not null);
            if (isName && !guarded.StartsWith("$share"u8))
            {
                Assert.True(isFilter, "a name is a filter that matches itself");
                Assert.True(filter!.Matches(guarded));
                Assert.False(filter.HasWildcard);
            }

            if (filter is not null)
            {
                Assert.Equal(filter, TopicFilter.Parse(Encoding.UTF8.GetString(filter.Canonical)));
                valid++;
            }
        }

        Assert.True(valid > 5_000);
    }

    private static bool CheckOne(VectorCodec codec, ReadOnlySpan<byte> input)
    {
        ReaderLimits limits = ReaderLimits.Of([]);
        Decoded first = codec.Decode(input, limits);
        if (first.Error != ErrorCode.None)
        {
            return false;
        }

        JsonObject fields = JsonNode.Parse(first.Fields.ToJsonString())!.AsObject();
        byte[] written = new byte[2 * MaxBytes];
        int length = codec.Encode(fields, written);
        Decoded second = codec.Decode(written.AsSpan(0, length), limits);
        Assert.Equal(ErrorCode.None, second.Error);
        Assert.Equal(first.Fields.ToJsonString(), second.Fields.ToJsonString());
        return true;
    }

    private static int Mutate(Random random, byte[] original, byte[] mutated, bool isFrame)
    {
        original.CopyTo(mutated, 0);
        int length = original.Length;
        for (int change = random.Next(1, 4); change > 0 && length > 0; change--)
        {
            int at = random.Next(length);
            switch (random.Next(6))
            {
                case 0:
                    mutated[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    mutated[at] = (byte)random.Next(256);
                    break;
                case 2:
                    uint[] edges = [0, 1, 4, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFC, 0xFFFFFFFF];
                    BinaryPrimitives.WriteUInt32LittleEndian(mutated.AsSpan(at), edges[random.Next(edges.Length)]);
                    break;
                case 3:
                    length = random.Next(2) == 0 ? at : length - Math.Min(length, random.Next(1, 4));
                    break;
                case 4:
                    int more = random.Next(1, 20);
                    random.NextBytes(mutated.AsSpan(length, more));
                    length += more;
                    break;
                case 5:
                    int from = random.Next(length);
                    int count = Math.Min(random.Next(1, 16), length - Math.Max(at, from));
                    mutated.AsSpan(from, count).CopyTo(mutated.AsSpan(at));
                    break;
            }
        }

        if (isFrame && length >= FrameHeader.Size)
        {
            // A frame was cut by its length before a reader of its kind sees it.
            BinaryPrimitives.WriteInt32LittleEndian(mutated, length - FrameHeader.LengthFieldBytes);
        }

        return length;
    }
}
