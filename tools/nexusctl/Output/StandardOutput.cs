using System.Runtime.InteropServices;
using System.Text;

namespace Nexusctl.Output;

/// <summary>
/// Standard output in bytes, buffered until <see cref="Flush"/>. Tells when nobody reads any more, which .NET's own
/// stream keeps to itself.
/// </summary>
internal sealed class StandardOutput : IDisposable
{
    private const int BufferBytes = 64 * 1024;
    private const int Interrupted = 4; // EINTR

    private readonly Stream? _stream;
    private readonly byte[] _buffer = new byte[BufferBytes];
    private int _held;

    /// <param name="stream">Where to write; null: descriptor 1.</param>
    internal StandardOutput(Stream? stream = null)
    {
        _stream = stream ?? (OperatingSystem.IsWindows() ? Console.OpenStandardOutput() : null);
    }

    internal void Write(ReadOnlySpan<byte> bytes)
    {
        if (_held + bytes.Length > _buffer.Length)
        {
            Flush();
        }

        if (bytes.Length > _buffer.Length)
        {
            WriteThrough(bytes);
            return;
        }

        bytes.CopyTo(_buffer.AsSpan(_held));
        _held += bytes.Length;
    }

    internal void WriteText(string text)
    {
        Write(Encoding.UTF8.GetBytes(text));
        Flush();
    }

    /// <exception cref="OutputClosedException">Whoever read the output has gone.</exception>
    internal void Flush()
    {
        var held = _held;
        _held = 0;
        WriteThrough(_buffer.AsSpan(0, held));
    }

    public void Dispose() => _stream?.Dispose();

    private unsafe void WriteThrough(ReadOnlySpan<byte> bytes)
    {
        if (_stream is not null)
        {
            _stream.Write(bytes);
            _stream.Flush();
            return;
        }

        fixed (byte* start = bytes)
        {
            var at = 0;
            while (at < bytes.Length)
            {
                var written = WriteDescriptor(1, start + at, (nuint)(bytes.Length - at));
                if (written >= 0)
                {
                    at += (int)written;
                }
                else if (Marshal.GetLastPInvokeError() != Interrupted)
                {
                    throw new OutputClosedException();
                }
            }
        }
    }

    [DllImport("libc", EntryPoint = "write", SetLastError = true)]
    private static extern unsafe nint WriteDescriptor(int descriptor, byte* bytes, nuint length);
}
