using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NexusD.Protocol;

/// <summary>
/// Walks a list of properties.
/// <code>
///  0    1       3
/// +----+-------+-----------
/// | id | length| value ...
/// | u8 | u16   | length bytes
/// +----+-------+-----------
/// </code>
/// Source: docs/protocol/README.md "Properties". Ends at the end of the list or at the first property that does not
/// fit; then <see cref="Malformed"/> tells which. Judging ids and values is the caller's part.
/// </summary>
public ref struct PropertyReader
{
    /// <summary>Bytes of id and length before each value.</summary>
    public const int HeaderBytes = 3;

    private readonly ReadOnlySpan<byte> _list;
    private int _offset;

    /// <summary>Starts at the first property.</summary>
    public PropertyReader(ReadOnlySpan<byte> list) => _list = list;

    /// <summary>True once a property ran past the end of the list.</summary>
    public bool Malformed { get; private set; }

    /// <summary>Where in the list the next property starts.</summary>
    public readonly int Offset => _offset;

    /// <summary>The next property; false at the end and on an error.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryRead(out byte id, out ReadOnlySpan<byte> value)
    {
        int left = _list.Length - _offset;
        if (left >= HeaderBytes)
        {
            ref byte origin = ref Unsafe.AddByteOffset(ref MemoryMarshal.GetReference(_list), _offset);
            int length = LittleEndian.U16(ref origin, 1);
            if (length <= left - HeaderBytes)
            {
                id = origin;
                value = _list.Slice(_offset + HeaderBytes, length);
                _offset += HeaderBytes + length;
                return true;
            }
        }

        Malformed = left != 0;
        id = 0;
        value = default;
        return false;
    }
}
