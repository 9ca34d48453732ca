using System.Text;
using NexusD.Protocol;
using NexusD.Protocol.Frames;
using NexusD.Protocol.Greetings;
using NexusD.Transport;

namespace NexusD.Sessions;

/// <summary>A connection for which there is no room: it is told so and closed.</summary>
internal sealed class RefusedConnection(Action closed) : IStreamConsumer
{
    /// <summary>Tells the reason and closes.</summary>
    public static void Refuse(StreamConnection connection, ErrorCode code, string text, Action closed)
    {
        connection.Start(new RefusedConnection(closed));
        var error = new ErrorFrame
        {
            Code = code,
            Closes = true,
            Text = Encoding.UTF8.GetBytes(text),
        };
        Span<byte> room = connection.Reserve(DaemonGreeting.Size + error.FrameBytes);
        int greeting = new DaemonGreeting(ProtocolLimits.Version).Write(room);
        connection.Commit(greeting + error.Write(room[greeting..]));
        connection.CloseAfterFlush();
    }

    public int OnReceived(in ReceivedBytes received, out int frameBytes)
    {
        frameBytes = 0;
        return received.Bytes.Length;
    }

    public void OnEndOfInput(int unusedBytes)
    {
    }

    public void OnStalled(int haveBytes, int frameBytes)
    {
    }

    public bool OnDrained() => false;

    public void OnClosed(StreamCloseReason reason) => closed();
}
