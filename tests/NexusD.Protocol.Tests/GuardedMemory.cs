using System.Runtime.InteropServices;

namespace NexusD.Protocol.Tests;

/// <summary>
/// Memory between two pages that cannot be touched: a reader that leaves its span by one byte ends the test process.
/// </summary>
internal sealed unsafe class GuardedMemory : IDisposable
{
    private const int NoAccess = 0;
    private const int ReadWrite = 3;
    private const int PrivateAnonymous = 0x22;

    private readonly byte* _mapping;
    private readonly int _page = Environment.SystemPageSize;
    private readonly int _bytes;

    internal GuardedMemory(int minBytes)
    {
        _bytes = (minBytes + _page - 1) / _page * _page;
        _mapping = (byte*)Map(null, (nuint)(_bytes + (2 * _page)), NoAccess, PrivateAnonymous, -1, 0);
        Assert.NotEqual(-1, (nint)_mapping);
        Assert.Equal(0, Protect(_mapping + _page, (nuint)_bytes, ReadWrite));
    }

    /// <summary>A copy that ends right before the guard behind it.</summary>
    internal ReadOnlySpan<byte> AtEnd(ReadOnlySpan<byte> bytes)
    {
        Span<byte> place = new(_mapping + _page + _bytes - bytes.Length, bytes.Length);
        bytes.CopyTo(place);
        return place;
    }

    /// <summary>A copy that starts right after the guard before it.</summary>
    internal ReadOnlySpan<byte> AtStart(ReadOnlySpan<byte> bytes)
    {
        Span<byte> place = new(_mapping + _page, bytes.Length);
        bytes.CopyTo(place);
        return place;
    }

    public void Dispose() => Assert.Equal(0, Unmap(_mapping, (nuint)(_bytes + (2 * _page))));

    [DllImport("libc", EntryPoint = "mmap")]
    private static extern void* Map(void* address, nuint length, int protection, int flags, int file, long offset);

    [DllImport("libc", EntryPoint = "mprotect")]
    private static extern int Protect(void* address, nuint length, int protection);

    [DllImport("libc", EntryPoint = "munmap")]
    private static extern int Unmap(void* address, nuint length);
}
