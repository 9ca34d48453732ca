namespace NexusD.Quic.Ngtcp2;

/// <summary>
/// Which connection a datagram belongs to, by its destination connection ID. Bounded by connections times IDs each.
/// </summary>
internal sealed class ConnectionIdTable
{
    private readonly Dictionary<ConnectionId, Ngtcp2Connection> _connections = [];
    private ConnectionId _lastId;
    private Ngtcp2Connection? _last;

    public int Count => _connections.Count;

    public Ngtcp2Connection? Find(ConnectionId id)
    {
        // Datagrams come in bursts of one connection.
        if (_last is not null && _lastId.Equals(id))
        {
            return _last;
        }

        if (_connections.TryGetValue(id, out Ngtcp2Connection? connection))
        {
            _lastId = id;
            _last = connection;
        }

        return connection;
    }

    /// <summary>False when another connection has this ID.</summary>
    public bool TryAdd(ConnectionId id, Ngtcp2Connection connection) => _connections.TryAdd(id, connection);

    public void Remove(ConnectionId id)
    {
        _connections.Remove(id);
        if (_lastId.Equals(id))
        {
            _last = null;
        }
    }
}
