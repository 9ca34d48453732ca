using System.Text;
using NexusD.Daemon.Status;
using NexusD.Protocol.Topics;
using NexusD.Sessions;

namespace NexusD.Daemon;

/// <summary>
/// Answers what apps ask of the node: status, peers, topics, clients, retained. On the loop's thread.
/// </summary>
internal sealed class NodeQueries : ISessionQueries
{
    private const string RetainedPrefix = "retained ";

    private DaemonHost? _host;

    /// <summary>Whom to ask; set before the loop runs.</summary>
    public void Attach(DaemonHost host) => _host = host;

    public bool TryAnswer(string query, out ReadOnlyMemory<byte> json)
    {
        DaemonHost host = _host!;
        json = query switch
        {
            "status" => StatusDocuments.Status(host.TakeSnapshot(withLargest: true), host.NotReadyBecause),
            "peers" => StatusDocuments.Peers(host.Mesh.GetSnapshot()),
            "topics" => StatusDocuments.Topics(host.Router),
            "clients" => StatusDocuments.Clients(host.Apps.TakeSnapshots(StatusDocuments.MaxEntries + 1)),
            "retained" => Retained(host, "#"),
            _ when query.StartsWith(RetainedPrefix, StringComparison.Ordinal) =>
                Retained(host, query[RetainedPrefix.Length..]),
            _ => default,
        };
        return !json.IsEmpty;
    }

    private static ReadOnlyMemory<byte> Retained(DaemonHost host, string filter) =>
        TopicFilter.TryParse(Encoding.UTF8.GetBytes(filter), out TopicFilter? parsed) == TopicError.None
            ? StatusDocuments.Retained(host.Router, parsed!, host.NodeName, DateTimeOffset.UtcNow)
            : default;
}
