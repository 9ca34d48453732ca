using System.Buffers;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using NexusD.Buffers;
using NexusD.Transport.Native;

namespace NexusD.Transport;

/// <summary>
/// Bytes on their way to a socket: a ring of pieces in pooled slabs. Small writes go to the slab at the end; long
/// bodies are taken by reference. Empty, it holds no memory but itself.
/// </summary>
/// <remarks>
/// Ownership: each piece with a slab owns one reference to it, and the slab being written to is held by one more. A
/// piece
/// <em>on loan</em> has no slab and points into memory that is good only until <see cref="Settle"/>, which copies what
/// is still unsent. Invariant: PendingBytes is the sum of the pieces' lengths.
/// </remarks>
internal sealed unsafe class OutgoingBytes(SlabPool pool)
{
    /// <summary>Longest write that <see cref="Reserve"/> takes.</summary>
    public const int MaxReserveBytes = SlabPool.StandardBytes;

    private const int FirstRingSize = 32;
    private const long ShortCeiling = 4 * SlabPool.StandardBytes;

    private Piece[]? _ring; // rented; _mask + 1 of its places are used
    private int _mask;
    private int _first;
    private int _count;
    private int _loans;
    private Slab? _writeSlab;
    private byte* _free; // where the next small write goes
    private byte* _freeEnd;
    private bool _extendsLast; // the last piece ends at _free

    /// <summary>Bytes appended and not sent yet.</summary>
    public long PendingBytes { get; private set; }

    /// <summary>Whether pieces on loan are waiting.</summary>
    public bool HasLoans => _loans > 0;

    /// <summary>
    /// Room for <paramref name="bytes"/> contiguous bytes; <see cref="Commit"/> makes them part of the stream.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Reserve(int bytes)
    {
        Debug.Assert(bytes is > 0 and <= MaxReserveBytes, "a reservation lies within one slab");
        return _freeEnd - _free >= bytes ? _free : StartSlab(bytes);
    }

    /// <summary>Takes the first <paramref name="bytes"/> of the last reservation.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Commit(int bytes)
    {
        Debug.Assert(bytes <= _freeEnd - _free, "no more is committed than was reserved");
        if (_extendsLast)
        {
            At(_count - 1).Length += bytes;
            PendingBytes += bytes;
        }
        else
        {
            _writeSlab!.Retain();
            Add(new Piece { Start = _free, Length = bytes, Slab = _writeSlab });
            _extendsLast = true;
        }

        _free += bytes;
    }

    /// <summary>Copies bytes to the end, over slab borders if need be.</summary>
    public void AppendCopy(byte* source, int length)
    {
        while (length > 0)
        {
            byte* target = Reserve(1);
            int part = (int)Math.Min(length, _freeEnd - target);
            Buffer.MemoryCopy(source, target, part, part);
            Commit(part);
            source += part;
            length -= part;
        }
    }

    /// <summary>Appends bytes that lie in <paramref name="slab"/> without copying; retains the slab.</summary>
    public void AppendShared(Slab slab, int offset, int length)
    {
        Debug.Assert(offset >= 0 && length > 0 && offset + length <= slab.Capacity, "the bytes lie in the slab");
        slab.Retain();
        Add(new Piece { Start = slab.Pointer + offset, Length = length, Slab = slab });
    }

    /// <summary>Appends bytes without copying that stay as they are until <see cref="Settle"/>.</summary>
    public void AppendOnLoan(byte* start, int length)
    {
        _loans++;
        Add(new Piece { Start = start, Length = length });
    }

    /// <summary>Lists the first pieces for writev; returns how many vectors were filled and their bytes.</summary>
    public int Fill(Libc.IoVector* vectors, int capacity, out long bytes)
    {
        int count = Math.Min(capacity, _count);
        bytes = 0;
        for (int i = 0; i < count; i++)
        {
            ref Piece piece = ref At(i);
            vectors[i].Base = piece.Start;
            vectors[i].Length = (nuint)piece.Length;
            bytes += piece.Length;
        }

        return count;
    }

    /// <summary>Forgets the first <paramref name="bytes"/>, which were sent.</summary>
    public void Advance(long bytes)
    {
        PendingBytes -= bytes;
        while (bytes > 0)
        {
            ref Piece piece = ref At(0);
            if (bytes < piece.Length)
            {
                piece.Start += bytes;
                piece.Length -= (int)bytes;
                return;
            }

            bytes -= piece.Length;
            RemoveFirst()?.Release();
        }

        if (_count == 0)
        {
            ReleaseMemory();
        }
    }

    /// <summary>Copies what is still on loan into own slabs; afterwards the lent memory may change.</summary>
    public void Settle()
    {
        if (_loans == 0)
        {
            return;
        }

        // Every piece goes once from the front to the end, so their order stays. The last one must not grow before it
        // moved.
        _extendsLast = false;
        for (int left = _count; left > 0; left--)
        {
            Piece piece = At(0);
            PendingBytes -= piece.Length;
            _ = RemoveFirst();
            if (piece.Slab is null)
            {
                AppendCopy(piece.Start, piece.Length);
            }
            else
            {
                Add(piece);
            }
        }
    }

    /// <summary>Drops everything and gives all memory back.</summary>
    public void Clear()
    {
        while (_count > 0)
        {
            RemoveFirst()?.Release();
        }

        PendingBytes = 0;
        ReleaseMemory();
    }

    private ref Piece At(int index) => ref _ring![(_first + index) & _mask];

    private byte* StartSlab(int bytes)
    {
        _writeSlab?.Release();

        // While memory is short a thousand clients that stand still must not hold a large slab each.
        bool isShort = pool.Budget.Ceiling <= ShortCeiling && bytes <= SlabPool.SmallBytes;
        _writeSlab = pool.Rent(isShort ? SlabPool.SmallBytes : SlabPool.StandardBytes, MemoryKind.Sessions);
        _free = _writeSlab.Pointer;
        _freeEnd = _free + _writeSlab.Capacity;
        _extendsLast = false;
        return _free;
    }

    private void Add(in Piece piece)
    {
        if (_ring is null || _count > _mask)
        {
            Grow();
        }

        _count++;
        At(_count - 1) = piece;
        PendingBytes += piece.Length;
        _extendsLast = false;
    }

    private void Grow()
    {
        int size = _ring is null ? FirstRingSize : (_mask + 1) * 2;
        Piece[] larger = ArrayPool<Piece>.Shared.Rent(size);
        for (int i = 0; i < _count; i++)
        {
            larger[i] = At(i);
        }

        ReleaseRing();
        _ring = larger;
        _mask = size - 1;
        _first = 0;
    }

    /// <summary>Takes the first piece off; its reference passes to the caller.</summary>
    private Slab? RemoveFirst()
    {
        ref Piece piece = ref At(0);
        Slab? slab = piece.Slab;
        if (slab is null)
        {
            _loans--;
        }

        piece = default;
        _first = (_first + 1) & _mask;
        _count--;
        return slab;
    }

    private void ReleaseMemory()
    {
        ReleaseRing();
        _writeSlab?.Release();
        _writeSlab = null;
        _free = null;
        _freeEnd = null;
        _extendsLast = false;
    }

    private void ReleaseRing()
    {
        if (_ring is not null)
        {
            ArrayPool<Piece>.Shared.Return(_ring);
            _ring = null;
        }
    }

    private struct Piece
    {
        public byte* Start;
        public Slab? Slab;
        public int Length;
    }
}
