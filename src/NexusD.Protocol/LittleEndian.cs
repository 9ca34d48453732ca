using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace NexusD.Protocol;

/// <summary>
/// Unaligned little-endian loads and stores at constant offsets. They check nothing: each caller has made one length
/// check that covers all offsets it uses.
/// </summary>
internal static class LittleEndian
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ushort U16(ref byte origin, nint offset)
    {
        ushort value = Unsafe.ReadUnaligned<ushort>(ref Unsafe.AddByteOffset(ref origin, offset));
        return BitConverter.IsLittleEndian ? value : BinaryPrimitives.ReverseEndianness(value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint U32(ref byte origin, nint offset)
    {
        uint value = Unsafe.ReadUnaligned<uint>(ref Unsafe.AddByteOffset(ref origin, offset));
        return BitConverter.IsLittleEndian ? value : BinaryPrimitives.ReverseEndianness(value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong U64(ref byte origin, nint offset)
    {
        ulong value = Unsafe.ReadUnaligned<ulong>(ref Unsafe.AddByteOffset(ref origin, offset));
        return BitConverter.IsLittleEndian ? value : BinaryPrimitives.ReverseEndianness(value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Put(ref byte origin, nint offset, ushort value) =>
        Unsafe.WriteUnaligned(
            ref Unsafe.AddByteOffset(ref origin, offset),
            BitConverter.IsLittleEndian ? value : BinaryPrimitives.ReverseEndianness(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Put(ref byte origin, nint offset, uint value) =>
        Unsafe.WriteUnaligned(
            ref Unsafe.AddByteOffset(ref origin, offset),
            BitConverter.IsLittleEndian ? value : BinaryPrimitives.ReverseEndianness(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Put(ref byte origin, nint offset, ulong value) =>
        Unsafe.WriteUnaligned(
            ref Unsafe.AddByteOffset(ref origin, offset),
            BitConverter.IsLittleEndian ? value : BinaryPrimitives.ReverseEndianness(value));
}
