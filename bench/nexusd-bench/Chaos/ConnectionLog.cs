using NexusD.Protocol;
using NexusdBench.History;
using NexusdClient;

namespace NexusdBench.Chaos;

/// <summary>Writes down a client's connections. Called on its reading thread.</summary>
/// <param name="client">The client.</param>
/// <param name="clock">The time of the run.</param>
/// <param name="connections">Where to write.</param>
internal sealed class ConnectionLog(Client client, RunClock clock, List<ConnectionRecord> connections)
{
    private long _brokenClock;
    private bool _leftInOrder;
    private long _confirmed;
    private long _sent;

    /// <summary>Takes a step.</summary>
    /// <param name="change">The step.</param>
    /// <param name="confirmed">Of a publisher: last number that was certainly taken.</param>
    /// <param name="sent">Of a publisher: last number that was handed over.</param>
    internal void Take(ConnectionStateChange change, long confirmed, long sent)
    {
        if (change.Previous == ConnectionState.Connected)
        {
            _brokenClock = clock.Now;
            _leftInOrder = change.Reason?.Code == ErrorCode.ShuttingDown;
            (_confirmed, _sent) = (confirmed, sent);
        }
        else if (change.Current == ConnectionState.Connected && client.Daemon is { } daemon)
        {
            lock (connections)
            {
                connections.Add(new ConnectionRecord(
                    clock.Now, _brokenClock, daemon.NodeName.Replace(' ', '_'), daemon.NodeId, daemon.PublisherId,
                    _leftInOrder, _confirmed, _sent));
            }
        }
    }
}
