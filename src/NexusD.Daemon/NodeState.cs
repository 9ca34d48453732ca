using System.Diagnostics;

namespace NexusD.Daemon;

/// <summary>How far the node has come in its life. Written on the loop's thread, read on any.</summary>
internal sealed class NodeState(Func<bool> firstRoundIsDone)
{
    /// <summary>Readiness does not wait longer than this for other nodes to be found: there may be none.</summary>
    private static readonly TimeSpan _discoveryPatience = TimeSpan.FromSeconds(2);

    private readonly long _startedAt = Stopwatch.GetTimestamp();
    private volatile bool _listening;
    private volatile bool _leaving;

    /// <summary>Time since the start.</summary>
    public TimeSpan Uptime => Stopwatch.GetElapsedTime(_startedAt);

    /// <summary>Whether the node is on its way out.</summary>
    public bool IsLeaving => _leaving;

    /// <summary>Why the node is not ready, or null when it is. Peers are not needed for it.</summary>
    public string? NotReadyBecause =>
        _leaving ? "the daemon is leaving"
        : !_listening ? "the daemon is starting"
        : !firstRoundIsDone() && Uptime < _discoveryPatience ? "the first look for other nodes is not done"
        : null;

    /// <summary>Apps and other nodes can connect.</summary>
    public void Listening() => _listening = true;

    /// <summary>The node begins to leave; false when it did before.</summary>
    public bool TryLeave()
    {
        bool first = !_leaving;
        _leaving = true;
        return first;
    }
}
