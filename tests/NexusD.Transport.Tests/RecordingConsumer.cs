using System.Buffers.Binary;
using NexusD.Buffers;

namespace NexusD.Transport.Tests;

/// <summary>
/// What a connection did, seen from its consumer. Frames are a u32 length of the payload, then the payload.
/// </summary>
internal sealed class ConnectionRecord
{
    public List<byte[]> Frames { get; } = [];

    public List<bool> InOwnSlab { get; } = [];

    public int Shown { get; set; }

    public int? EndOfInput { get; set; }

    public (int Have, int Frame)? Stalled { get; set; }

    public int Drained { get; set; }

    public List<StreamCloseReason> Closed { get; } = [];
}

/// <summary>Cuts frames as a session would, records them and does what the test asks for.</summary>
internal sealed class RecordingConsumer(StreamConnection connection) : IStreamConsumer
{
    public const int HeaderBytes = 4;

    public StreamConnection Connection { get; } = connection;

    public StateRecord<ConnectionRecord> Record { get; } = new(new ConnectionRecord());

    /// <summary>Whether frames are kept; false when only their passing on matters.</summary>
    public bool Records { get; set; } = true;

    /// <summary>
    /// Called with each whole frame (header included) and its slab; returns false to leave it and all behind it unused.
    /// </summary>
    public FrameHandler OnFrame { get; set; } = (_, _) => true;

    public Func<bool> Refill { get; set; } = () => false;

    public Action EndOfInput { get; set; } = connection.CloseAfterFlush;

    public delegate bool FrameHandler(ReadOnlySpan<byte> frame, Slab? slab);

    public static byte[] Frame(ReadOnlySpan<byte> payload)
    {
        var frame = new byte[HeaderBytes + payload.Length];
        BinaryPrimitives.WriteInt32LittleEndian(frame, payload.Length);
        payload.CopyTo(frame.AsSpan(HeaderBytes));
        return frame;
    }

    public int OnReceived(in ReceivedBytes received, out int frameBytes)
    {
        int used = 0;
        frameBytes = 0;
        while (received.Bytes.Length - used >= HeaderBytes)
        {
            ReadOnlySpan<byte> rest = received.Bytes[used..];
            frameBytes = HeaderBytes + BinaryPrimitives.ReadInt32LittleEndian(rest);
            if (rest.Length < frameBytes || !OnFrame(rest[..frameBytes], received.Slab))
            {
                break;
            }

            if (Records)
            {
                byte[] payload = rest[HeaderBytes..frameBytes].ToArray();
                bool own = received.Slab is not null;
                Record.Change(r =>
                {
                    r.Frames.Add(payload);
                    r.InOwnSlab.Add(own);
                });
            }

            used += frameBytes;
            frameBytes = 0;
        }

        int shown = received.Bytes.Length;
        Record.Change(r => r.Shown = shown);
        return used;
    }

    public void OnEndOfInput(int unusedBytes)
    {
        EndOfInput();
        Record.Change(r => r.EndOfInput = unusedBytes);
    }

    public void OnStalled(int haveBytes, int frameBytes)
    {
        Connection.CloseAfterFlush();
        Record.Change(r => r.Stalled = (haveBytes, frameBytes));
    }

    public bool OnDrained()
    {
        bool more = Refill();
        Record.Change(r => r.Drained++);
        return more;
    }

    public void OnClosed(StreamCloseReason reason) => Record.Change(r => r.Closed.Add(reason));
}
