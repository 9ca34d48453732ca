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
            // The collector may move the object meanwhile; then a line is loaded in vain.
            byte* start = (byte*)Unsafe.AsPointer(ref Unsafe.As<StrongBox<byte>>(target).Value!);
            for (int line = 0; line < lines; line++)
            {
                Sse.Prefetch0(start + (line * Bytes));
            }
        }
    }
}
