using System.Runtime.InteropServices;
using NexusdBench.Gate;

namespace NexusdBench.Tests.Gate;

/// <summary>The layout of the shared file and of the payload, as the clients in C have it.</summary>
public sealed unsafe class GateFileTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());

    [Fact]
    public void Cells_lie_where_the_struct_of_c_has_them()
    {
        // typedef struct { _Atomic uint64_t v; char pad[56]; } cell;
        // typedef struct { cell seen[16][16]; cell recv[16][16]; cell sent[16]; cell done[16]; } gate;
        using (var gate = new GateFile(_path))
        {
            *gate.Seen(2, 3) = 11;
            *gate.Received(4, 5) = 12;
            *gate.Sent(6) = 13;
            *gate.Done(7) = 14;
            *gate.AtStart(1) = 15;
        }

        var words = MemoryMarshal.Cast<byte, ulong>(File.ReadAllBytes(_path)).ToArray();
        Assert.Equal(((2 * 16 * 16) + (2 * 16)) * 64 / 8, words.Length);
        Assert.Equal(11UL, words[((2 * 16) + 3) * 8]);
        Assert.Equal(12UL, words[((16 * 16) + (4 * 16) + 5) * 8]);
        Assert.Equal(13UL, words[((2 * 16 * 16) + 6) * 8]);
        Assert.Equal(14UL, words[((2 * 16 * 16) + 16 + 7) * 8]);
        Assert.Equal(15UL, words[((14 * 16) + 15) * 8]);
        Assert.Equal(5, words.Count(w => w != 0));
    }

    [Fact]
    public void Two_parties_see_the_same_cells()
    {
        using var one = new GateFile(_path);
        using var other = new GateFile(_path);
        *one.Received(0, 0) = 7;
        Assert.Equal(7UL, *other.Received(0, 0));
    }

    [Fact]
    public void The_head_of_a_payload_has_the_fields_of_c()
    {
        Assert.Equal(32, sizeof(GatePayload));
        var payload = GatePayload.Make(40, 3);
        MemoryMarshal.AsRef<GatePayload>(payload.AsSpan()).Stamp(1, 2, ulong.MaxValue);
        Assert.Equal(1L, BitConverter.ToInt64(payload, 0));
        Assert.Equal(2L, BitConverter.ToInt64(payload, 8));
        Assert.Equal(ulong.MaxValue, BitConverter.ToUInt64(payload, 16));
        Assert.Equal(3U, BitConverter.ToUInt32(payload, 24));
        Assert.Equal(0U, BitConverter.ToUInt32(payload, 28));
        Assert.Equal((byte)('a' + (32 % 26)), payload[32]);
        Assert.Equal(32, GatePayload.Make(5, 0).Length);
    }

    public void Dispose() => File.Delete(_path);
}
