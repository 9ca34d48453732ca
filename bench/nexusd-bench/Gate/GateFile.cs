using System.IO.MemoryMappedFiles;

namespace NexusdBench.Gate;

/// <summary>
/// The file that the publishers and subscribers of one run map, whatever system they load: who has seen whom, how much
/// came, how much was sent, and who is done. Each cell is a u64 alone on a cache line, with one writer.
/// <code>
/// seen[16][16]   seen[sub][pub]: 1 when a subscriber got a first event of a publisher;
///                seen[15 - pub][15]: 1 when a publisher stands at the start
/// recv[16][16]   recv[sub][pub]: events that a subscriber got of a publisher, warm-up left out
/// sent[16]       events that a publisher sent, set when it is through
/// done[16]       1 when a publisher is through
/// </code>
/// </summary>
internal sealed unsafe class GateFile : IDisposable
{
    /// <summary>Most publishers, and most subscribers.</summary>
    internal const int MaxParties = 16;

    /// <summary>Bytes from one cell to the next.</summary>
    internal const int CellBytes = 64;

    internal const int SeenOffset = 0;
    internal const int ReceivedOffset = SeenOffset + (MaxParties * MaxParties * CellBytes);
    internal const int SentOffset = ReceivedOffset + (MaxParties * MaxParties * CellBytes);
    internal const int DoneOffset = SentOffset + (MaxParties * CellBytes);
    internal const int FileBytes = DoneOffset + (MaxParties * CellBytes);

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _origin;

    /// <summary>Maps a file, which is made when it does not exist.</summary>
    /// <exception cref="IOException">It cannot be opened or mapped.</exception>
    internal GateFile(string path)
    {
        using var stream = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.OpenOrCreate,
            Access = FileAccess.ReadWrite,
            Share = FileShare.ReadWrite | FileShare.Delete,
            BufferSize = 0,
        });
        if (stream.Length < FileBytes)
        {
            stream.SetLength(FileBytes);
        }

        _file = MemoryMappedFile.CreateFromFile(
            stream, null, FileBytes, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: true);
        _view = _file.CreateViewAccessor(0, FileBytes);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _origin);
    }

    internal ulong* Seen(int subscriber, int publisher) =>
        Cell(SeenOffset + (((subscriber * MaxParties) + publisher) * CellBytes));

    internal ulong* Received(int subscriber, int publisher) =>
        Cell(ReceivedOffset + (((subscriber * MaxParties) + publisher) * CellBytes));

    internal ulong* Sent(int publisher) => Cell(SentOffset + (publisher * CellBytes));

    internal ulong* Done(int publisher) => Cell(DoneOffset + (publisher * CellBytes));

    /// <summary>Set while a publisher stands at the start: the last column, from the bottom up.</summary>
    internal ulong* AtStart(int publisher) => Seen(MaxParties - 1 - publisher, MaxParties - 1);

    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }

    private ulong* Cell(int offset) => (ulong*)(_origin + offset);
}
