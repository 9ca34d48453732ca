using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NexusD.Protocol;

/// <summary>
/// Walks the payloads of a run's body. On a body that <see cref="EventRunBody.Validate"/> accepted it gives each
/// payload; on any other it stops before the first one that does not fit.
/// </summary>
public ref struct RunReader
{
    private readonly ReadOnlySpan<byte> _body;
    private int _offset;

    /// <summary>Starts at the first event.</summary>
    public RunReader(ReadOnlySpan<byte> body) => _body = body;

    /// <summary>Where in the body the next event's size field lies.</summary>
    public readonly int Offset => _offset;

    /// <summary>The next payload; false at the end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryRead(out ReadOnlySpan<byte> payload)
    {
        int left = _body.Length - _offset - EventRunBody.SizeFieldBytes;
        if (left >= 0)
        {
            uint size = LittleEndian.U32(ref MemoryMarshal.GetReference(_body), _offset);
            if (size <= (uint)left)
            {
                payload = _body.Slice(_offset + EventRunBody.SizeFieldBytes, (int)size);
                _offset += EventRunBody.SizeFieldBytes + (int)size;
                return true;
            }
        }

        payload = default;
        return false;
    }
}
