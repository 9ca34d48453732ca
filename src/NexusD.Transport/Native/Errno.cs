namespace NexusD.Transport.Native;

/// <summary>The errno values that are told apart here (errno(3), Linux).</summary>
internal static class Errno
{
    public const int NoEntry = 2;
    public const int Interrupted = 4;
    public const int Again = 11;
    public const int NoMemory = 12;
    public const int TooManyFilesInSystem = 23;
    public const int TooManyFiles = 24;
    public const int BrokenPipe = 32;
    public const int Protocol = 71;
    public const int NoBufferSpace = 105;
    public const int ConnectionAborted = 103;
    public const int ConnectionReset = 104;
    public const int ConnectionRefused = 111;
}
