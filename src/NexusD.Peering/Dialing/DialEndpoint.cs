using System.Net;
using NexusD.Protocol;

namespace NexusD.Peering.Dialing;

/// <summary>One IP address and port that some known address stands for, and what is known of it.</summary>
internal sealed class DialEndpoint(IPEndPoint address)
{
    public IPEndPoint Address { get; } = address;

    /// <summary>Known addresses that stand for it at the moment; without any it is forgotten.</summary>
    public List<DialTarget> Targets { get; } = [];

    /// <summary>Tries under way: dialed, no HELLO accepted. Oldest first.</summary>
    public List<IDialAttempt> Attempts { get; } = [];

    /// <summary>The node that was met here last.</summary>
    public NodeId LeadsTo { get; set; }

    /// <summary>This is our own address.</summary>
    public bool IsSelf { get; set; }

    public long Tries { get; set; }

    public long Failures { get; set; }

    /// <summary>Why the last try failed; null after a success.</summary>
    public string? LastFailure { get; set; }
}

/// <summary>A try to make a link, as the dialer sees it.</summary>
internal interface IDialAttempt
{
    /// <summary>Whether the QUIC handshake is complete.</summary>
    bool IsConnected { get; }

    /// <summary>Gives the try up. The outcome is still told.</summary>
    void Abandon();
}

/// <summary>How a try ended that did not become a link.</summary>
internal enum DialOutcome
{
    /// <summary>Nobody answered, or the connection broke.</summary>
    Failed,

    /// <summary>Somebody answered who does not want us, now or ever.</summary>
    Refused,

    /// <summary>We answered ourselves.</summary>
    Self,

    /// <summary>Another link to the same node is kept.</summary>
    Duplicate,

    /// <summary>We gave it up ourselves.</summary>
    Abandoned,
}
