using System.Buffers;
using NexusD.Buffers;

namespace NexusD.Quic.MsQuic;

/// <summary>
/// Part of a slab as the Memory that System.Net.Quic takes. Pinning holds a reference: msquic reads an aborted write's
/// bytes until it lets go of them, which is after the write's task has ended.
/// </summary>
internal sealed unsafe class SlabMemory(Slab slab, int offset, int length) : MemoryManager<byte>
{
    public override Span<byte> GetSpan() => slab.Slice(offset, length);

    public override MemoryHandle Pin(int elementIndex = 0)
    {
        slab.Retain();
        return new MemoryHandle(slab.Pointer + offset + elementIndex, pinnable: this);
    }

    public override void Unpin() => slab.Release();

    protected override void Dispose(bool disposing)
    {
    }
}
