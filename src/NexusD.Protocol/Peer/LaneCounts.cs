using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NexusD.Protocol.Peer;

/// <summary>
/// How far lanes have come: (lane u32, bytes u64) repeated, by ascending lane. The list in LANE_ACK and LANE_RESUME.
/// Source: docs/protocol/peer-v1.md "Lane counts".
/// </summary>
public struct LaneCounts
{
    internal const int EntryBytes = 12;

    private Values _bytes;
    private uint _present;

    /// <summary>Lanes in the list.</summary>
    public readonly int Count => System.Numerics.BitOperations.PopCount(_present);

    /// <summary>Whether the list tells of a lane.</summary>
    public readonly bool Has(int lane) => (_present & (1U << lane)) != 0;

    /// <summary>Bytes of whole frames behind the preamble; 0 where the list does not tell.</summary>
    public readonly ulong this[int lane] => _bytes[lane];

    /// <summary>Puts a lane into the list.</summary>
    public void Set(int lane, ulong bytes)
    {
        _bytes[lane] = bytes;
        _present |= 1U << lane;
    }

    internal static ErrorCode TryRead(ReadOnlySpan<byte> list, out LaneCounts counts)
    {
        counts = default;
        int next = 0;
        while (list.Length >= EntryBytes)
        {
            ref byte origin = ref MemoryMarshal.GetReference(list);
            uint lane = LittleEndian.U32(ref origin, 0);
            ulong bytes = LittleEndian.U64(ref origin, sizeof(uint));
            if (lane < (uint)next || lane >= ProtocolLimits.MaxLanes || bytes > long.MaxValue)
            {
                return ErrorCode.Malformed;
            }

            counts.Set((int)lane, bytes);
            next = (int)lane + 1;
            list = list[EntryBytes..];
        }

        return list.IsEmpty ? ErrorCode.None : ErrorCode.Malformed;
    }

    internal readonly void Write(Span<byte> list)
    {
        for (int lane = 0; lane < ProtocolLimits.MaxLanes; lane++)
        {
            if (Has(lane))
            {
                ref byte origin = ref MemoryMarshal.GetReference(list);
                LittleEndian.Put(ref origin, 0, (uint)lane);
                LittleEndian.Put(ref origin, sizeof(uint), _bytes[lane]);
                list = list[EntryBytes..];
            }
        }
    }

    [InlineArray(ProtocolLimits.MaxLanes)]
    private struct Values
    {
        private ulong _first;
    }
}
