using System.Net.Sockets;
using NexusD.Protocol;

namespace NexusdClient.Connections;

/// <summary>Cuts the byte stream into frames in place: one large read, then as many frames as it holds.</summary>
internal sealed class ReceiveBuffer
{
    private const int UsualBytes = 256 * 1024;

    private byte[] _data = GC.AllocateUninitializedArray<byte>(UsualBytes);
    private int _start;
    private int _end;

    /// <summary>What came and was not used yet.</summary>
    internal ReadOnlySpan<byte> Bytes => _data.AsSpan(_start, _end - _start);

    internal void Clear() => _start = _end = 0;

    internal void Skip(int bytes) => _start += bytes;

    /// <summary>Waits for more bytes.</summary>
    /// <returns>False: the stream ended or broke.</returns>
    internal bool Fill(DaemonSocket socket, out SocketError error)
    {
        MakeRoom();
        var got = socket.Receive(_data.AsSpan(_end), out error);
        _end += Math.Max(got, 0);
        return got > 0;
    }

    /// <summary>The next frame, when all of it is there; it stays valid until <see cref="Fill"/>.</summary>
    internal FrameStatus TryCut(out ReadOnlySpan<byte> frame, out FrameHeader header)
    {
        var status = FrameHeader.TryCut(Bytes, ProtocolLimits.LargestFrameBytes, out header);
        frame = default;
        if (status == FrameStatus.Complete)
        {
            frame = _data.AsSpan(_start, header.FrameBytes);
            _start += header.FrameBytes;
        }

        return status;
    }

    private void MakeRoom()
    {
        var held = _end - _start;
        var needed = UsualBytes;
        if (held >= FrameHeader.Size && FrameHeader.TryRead(Bytes, out var header))
        {
            // The limit was checked by TryCut before anybody waits for the rest.
            needed = Math.Max(needed, header.FrameBytes);
        }

        if (_data.Length < needed || (_data.Length > UsualBytes && needed == UsualBytes))
        {
            var resized = GC.AllocateUninitializedArray<byte>(needed);
            Bytes.CopyTo(resized);
            _data = resized;
        }
        else if (_start > 0)
        {
            Bytes.CopyTo(_data);
        }

        _start = 0;
        _end = held;
    }
}
