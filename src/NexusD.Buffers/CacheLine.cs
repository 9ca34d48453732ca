using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace NexusD.Buffers;

/// <summary>
/// Asks the processor to load memory that will be needed in some tens of nanoseconds. A hint: it reads nothing, cannot
/// fault, and does nothing on processors for which .NET has no such instruction.
/// </summary>
public static unsafe class CacheLine
{
    /// <summary>Bytes that one hint loads.</summary>
    public const int Bytes = 64;

    /// <summary>Loads the first <paramref name="lines"/> cache lines of an object.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(object target, int lines)
    {
        if (Sse.IsSupported)
        {
            // The reference is read as an address: a reference to a field would make the compiler look at the object to
            // see whether it is null, and so wait for the very line that is asked for. The collector may move the
            // object meanwhile; then a line is loaded in vain.
            byte* start = (byte*)Unsafe.As<object, nint>(ref target) + sizeof(nint);
            for (int line = 0; line < lines; line++)
            {
                Sse.Prefetch0(start + (line * Bytes));
            }
        }
    }

    /// <summary>Loads the cache line in which a value starts.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch<T>(ref T value)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(Unsafe.AsPointer(ref value));
        }
    }
}
