using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace NexusD.Protocol;

/// <summary>The one check that writers make: the caller has given them room.</summary>
internal static class Destination
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Require(Span<byte> destination, int bytes)
    {
        if (destination.Length < bytes)
        {
            ThrowTooShort(destination.Length, bytes);
        }
    }

    [DoesNotReturn]
    private static void ThrowTooShort(int have, int need) =>
        throw new ArgumentException($"The destination has {have} bytes; {need} are needed.");
}
