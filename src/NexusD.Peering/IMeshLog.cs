namespace NexusD.Peering;

/// <summary>
/// What the mesh tells of itself, for the daemon's log. Called on the loop's thread; must not block and must not throw.
/// </summary>
public interface IMeshLog
{
    /// <summary>A link is up: handshake accepted on both sides.</summary>
    void LinkUp(string node, string address, string engine, bool dialed);

    /// <summary>Nothing was heard of a peer for a while; its link is kept for now.</summary>
    void LinkSuspect(string node, string address, TimeSpan silence);

    /// <summary>A link that was up is gone.</summary>
    void LinkDown(string node, string address, string reason);

    /// <summary>A peer has left in order.</summary>
    void PeerLeft(string node, string address);

    /// <summary>Events for a peer that is gone, or that could not be reached for too long, were dropped.</summary>
    void EventsGivenUp(string node, long events);

    /// <summary>A try to reach an address failed; told on the first failure and whenever the reason changes.</summary>
    void DialFailed(string address, string reason, long failures);

    /// <summary>A peer was refused, or refused us, or broke the protocol.</summary>
    void PeerRefused(string address, string code, string reason);

    /// <summary>A limit was met and handled; <paramref name="what"/> says which and how.</summary>
    void Warning(string node, string what);
}

internal sealed class SilentMeshLog : IMeshLog
{
    public static readonly SilentMeshLog Instance = new();

    public void LinkUp(string node, string address, string engine, bool dialed)
    {
    }

    public void LinkSuspect(string node, string address, TimeSpan silence)
    {
    }

    public void LinkDown(string node, string address, string reason)
    {
    }

    public void PeerLeft(string node, string address)
    {
    }

    public void EventsGivenUp(string node, long events)
    {
    }

    public void DialFailed(string address, string reason, long failures)
    {
    }

    public void PeerRefused(string address, string code, string reason)
    {
    }

    public void Warning(string node, string what)
    {
    }
}
