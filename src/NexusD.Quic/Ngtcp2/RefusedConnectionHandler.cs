namespace NexusD.Quic.Ngtcp2;

/// <summary>
/// Stands in for the user while a connection that it did not want is closed; nothing is told to anybody.
/// </summary>
internal sealed class RefusedConnectionHandler : IQuicConnectionHandler
{
    public static readonly RefusedConnectionHandler Instance = new();

    public void OnConnected(IQuicConnection connection)
    {
    }

    public void OnStreamOpened(IQuicConnection connection, long stream, bool unidirectional)
    {
    }

    public void OnStreamData(IQuicConnection connection, long stream, ReadOnlySpan<byte> data, bool end)
    {
    }

    public void OnStreamAborted(IQuicConnection connection, long stream, bool sendingSide, ulong errorCode)
    {
    }

    public void OnSendProgress(IQuicConnection connection)
    {
    }

    public void OnClosed(IQuicConnection connection, QuicCloseInfo info)
    {
    }
}
