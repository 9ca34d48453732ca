using System.Net;
using System.Net.Sockets;
using NexusD.Protocol;

namespace NexusD.Peering.Dialing;

/// <summary>
/// The table of known addresses and the plan of when to try which. In: addresses named and no longer named, the time,
/// outcomes of tries, links up and down. Out: calls to <see cref="IDialHost.Dial"/>.
/// </summary>
/// <remarks>
/// <para>An address is tried until one of its endpoints is linked, and never forgotten while somebody names it. A try
/// dials all endpoints of the name in parallel that are neither ourselves nor already linked. The first that connects
/// ends the tries of the other address family: a name with IPv4 and IPv6 addresses is one node, a name with several of
/// one family (replicas behind one name) may be many, and each of them gets a link.</para>
/// <para>A try is repeated after the back-off although the one before is still unanswered: the retransmission timers of
/// QUIC grow to seconds, and a daemon that starts in such a pause must be met at once. At most <see
/// cref="MostAttempts"/> run in parallel for an endpoint; the oldest makes room. So a round trip may take <see
/// cref="MostAttempts"/> times the back-off before tries cut each other off.</para>
/// <para>How a killed daemon is back within a second: its loss resets the back-off to 100-400 ms for some minutes
/// (<see cref="MeshOptions.QuickRetryFor"/>); its own HELLO or beacon makes us try at once; and its incoming link under
/// the same name and address replaces the dead one without waiting for the silence to be noticed.</para>
/// </remarks>
internal sealed class Dialer(IDialHost host, IMeshLoop loop, MeshOptions options, Random random)
{
    /// <summary>Tries of one endpoint in parallel.</summary>
    internal const int MostAttempts = 8;

    private const int MostEndpointsOfAName = 64;
    private const long ResolveTimeoutNs = 10_000_000_000;

    /// <summary>How often a name is looked up again while everything behind it is linked.</summary>
    private const long RefreshNs = 30_000_000_000;

    /// <summary>
    /// How long the node with the larger id leaves the first try after a loss to the other, so that they do not both
    /// dial.
    /// </summary>
    private const long YieldNs = 150_000_000;

    private readonly Dictionary<(string Host, int Port), DialTarget> _targets = [];
    private readonly Dictionary<IPEndPoint, DialEndpoint> _endpoints = [];
    private readonly List<DialTarget> _due = [];
    private bool _stopped;

    public IEnumerable<DialTarget> Targets => _targets.Values;

    public int AddressCount => _targets.Count;

    /// <summary>
    /// Somebody names an address, perhaps again. False when the table is full or the address is none.
    /// </summary>
    public bool Found(in PeerAddress address)
    {
        if (address.Port is < 1 or > 65535 || address.Host.Length is < 1 or > 253)
        {
            return false;
        }

        (string, int) key = (address.Host, address.Port);
        if (!_targets.TryGetValue(key, out DialTarget? target))
        {
            if (_targets.Count >= options.MaxAddresses)
            {
                return false;
            }

            target = new DialTarget(address.Host, address.Port, new ReconnectBackoff(random, options));
            _targets.Add(key, target);
            target.NextTryNs = loop.NowNs;
        }

        target.Sources.Add(address.Source);
        if (!target.WasRefused && NeedsLink(target))
        {
            // It is named because something was heard of it just now.
            target.Backoff.Reset();
            target.NextTryNs = Math.Min(target.NextTryNs, loop.NowNs + target.Backoff.NextDelayNs(loop.NowNs));
        }

        return true;
    }

    /// <summary>A source names an address no longer. Tries under way end; a link that is up stays.</summary>
    public void Lost(in PeerAddress address)
    {
        if (!_targets.TryGetValue((address.Host, address.Port), out DialTarget? target)
            || !target.Sources.Remove(address.Source)
            || target.Sources.Count > 0)
        {
            return;
        }

        _targets.Remove((address.Host, address.Port));
        SetEndpoints(target, []);
    }

    /// <summary>
    /// Starts the tries that are due; returns when to call again (<see cref="long.MaxValue"/>: not before something
    /// happens).
    /// </summary>
    public long Run(long nowNs)
    {
        if (_stopped)
        {
            return long.MaxValue;
        }

        foreach (DialTarget target in _targets.Values)
        {
            if (target.NextTryNs <= nowNs)
            {
                _due.Add(target);
            }
        }

        foreach (DialTarget target in _due)
        {
            Try(target, nowNs);
        }

        _due.Clear();
        long next = long.MaxValue;
        foreach (DialTarget target in _targets.Values)
        {
            next = Math.Min(next, target.NextTryNs);
        }

        return next;
    }

    /// <summary>No more tries; those under way are given up.</summary>
    public void Stop()
    {
        _stopped = true;
        foreach (DialEndpoint endpoint in _endpoints.Values)
        {
            AbandonAll(endpoint);
        }
    }

    /// <summary>Whether each known address is linked, or has turned out to lead to nobody at the moment.</summary>
    public bool HasTriedAll
    {
        get
        {
            foreach (DialTarget target in _targets.Values)
            {
                if (target.Endpoints.Count == 0 ? target.ResolveFailure is null : IsMissing(target))
                {
                    return false;
                }
            }

            return true;
        }
    }

    /// <summary>Gives up the tries under way that the host does not want any more.</summary>
    public void Narrow()
    {
        foreach (DialEndpoint endpoint in _endpoints.Values)
        {
            if (!host.Wants(endpoint))
            {
                AbandonAll(endpoint);
            }
        }
    }

    /// <summary>The QUIC handshake of a try is complete: the rivals for the same node end.</summary>
    public static void Connected(DialTarget target, DialEndpoint endpoint, IDialAttempt attempt)
    {
        foreach (IDialAttempt other in endpoint.Attempts.ToArray())
        {
            if (other != attempt)
            {
                other.Abandon();
            }
        }

        foreach (DialEndpoint other in target.Endpoints)
        {
            if (other.Address.AddressFamily != endpoint.Address.AddressFamily)
            {
                AbandonAll(other);
            }
        }
    }

    /// <summary>A try became a link to <paramref name="node"/>.</summary>
    public static void Succeeded(DialEndpoint endpoint, IDialAttempt attempt, NodeId node)
    {
        endpoint.Attempts.Remove(attempt);
        endpoint.LastFailure = null;
        endpoint.Failures = 0;
        endpoint.LeadsTo = node;
        foreach (DialTarget target in endpoint.Targets)
        {
            target.WasRefused = false;
        }
    }

    /// <summary>A try ended without a link.</summary>
    /// <returns>True when the reason is a new one, worth telling.</returns>
    public static bool Ended(DialEndpoint endpoint, IDialAttempt attempt, DialOutcome outcome, string reason)
    {
        endpoint.Attempts.Remove(attempt);
        switch (outcome)
        {
            case DialOutcome.Self:
                endpoint.IsSelf = true;
                endpoint.LastFailure = null;
                return false;
            case DialOutcome.Abandoned or DialOutcome.Duplicate:
                return false;
        }

        bool isNew = endpoint.LastFailure != reason;
        endpoint.Failures++;
        endpoint.LastFailure = reason;
        if (outcome == DialOutcome.Refused)
        {
            foreach (DialTarget target in endpoint.Targets)
            {
                target.WasRefused = true;
                target.Backoff.Refused();
            }
        }

        return isNew;
    }

    /// <summary>A peer that dialed us says that it listens there: it lives, and the address is not ours.</summary>
    public void Seen(IPEndPoint address, NodeId node)
    {
        if (!_endpoints.TryGetValue(address, out DialEndpoint? endpoint))
        {
            return;
        }

        endpoint.IsSelf = false;
        endpoint.LeadsTo = node;
        endpoint.LastFailure = null;
        foreach (DialTarget target in endpoint.Targets)
        {
            target.WasRefused = false;
            target.Backoff.Reset();
        }
    }

    /// <summary>A node is linked no longer: everything that led to it is tried again.</summary>
    /// <param name="lived">Whether the link had lived long enough to call the address good.</param>
    /// <param name="yields">Whether the other side is to dial first.</param>
    public void LinkLost(NodeId node, bool lived, bool yields)
    {
        long nowNs = loop.NowNs;
        foreach (DialEndpoint endpoint in _endpoints.Values)
        {
            if (endpoint.LeadsTo != node)
            {
                continue;
            }

            foreach (DialTarget target in endpoint.Targets)
            {
                if (lived)
                {
                    target.Backoff.LinkLost(nowNs);
                    target.NextTryNs = Math.Min(target.NextTryNs, yields ? nowNs + YieldNs : nowNs);
                }
                else
                {
                    target.NextTryNs = Math.Min(target.NextTryNs, nowNs + target.Backoff.NextDelayNs(nowNs));
                }
            }
        }
    }

    /// <summary>A copy of the table.</summary>
    public List<AddressSnapshot> GetSnapshot()
    {
        long nowNs = loop.NowNs;
        var addresses = new List<AddressSnapshot>(_targets.Count);
        foreach (DialTarget target in _targets.Values)
        {
            bool dialing = target.Endpoints.Exists(static e => e.Attempts.Count > 0);
            string state = target.Endpoints.Exists(IsLinked) ? "linked"
                : target.Endpoints.Exists(static e => e.IsSelf) ? "self"
                : dialing ? "dialing" : "waiting";
            string? failure = target.ResolveFailure
                ?? target.Endpoints.Find(static e => e.LastFailure is not null)?.LastFailure;
            addresses.Add(new AddressSnapshot(
                target.Name,
                [.. target.Sources],
                state,
                target.Endpoints.Sum(static e => e.Tries),
                target.Endpoints.Sum(static e => e.Failures),
                failure ?? "",
                target.NextTryNs == long.MaxValue ? -1 : Math.Max(0, (target.NextTryNs - nowNs) / 1e9)));
        }

        return addresses;
    }

    private void Try(DialTarget target, long nowNs)
    {
        if (!target.IsName)
        {
            if (target.Endpoints.Count == 0)
            {
                SetEndpoints(target, [IPAddress.Parse(target.Host)]);
            }

            DialAll(target, nowNs);
            return;
        }

        if (target.ResolvingSinceNs == long.MinValue || nowNs - target.ResolvingSinceNs > ResolveTimeoutNs)
        {
            target.ResolvingSinceNs = nowNs;
            _ = ResolveAsync(target, ++target.Resolution);
        }

        target.NextTryNs = nowNs + target.Backoff.NextDelayNs(nowNs);
    }

    private async Task ResolveAsync(DialTarget target, int resolution)
    {
        IPAddress[] addresses = [];
        string? failure = null;
        try
        {
            addresses = await options.ResolveName(target.Host).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            failure = $"the name '{target.Host}' cannot be resolved: {e.Message}";
        }

        loop.Post(() => Resolved(target, resolution, addresses, failure));
    }

    private void Resolved(DialTarget target, int resolution, IPAddress[] addresses, string? failure)
    {
        if (_stopped || target.Sources.Count == 0 || target.Resolution != resolution)
        {
            return;
        }

        target.ResolvingSinceNs = long.MinValue;
        target.ResolveFailure = failure;
        if (failure is null)
        {
            // Without an answer the endpoints of the last one stay: a name server that is away must not cut off nodes
            // that are there.
            SetEndpoints(target, addresses);
        }

        DialAll(target, loop.NowNs);
        host.WakeBy(target.NextTryNs);
    }

    private void DialAll(DialTarget target, long nowNs)
    {
        foreach (DialEndpoint endpoint in target.Endpoints)
        {
            if (!NeedsLink(target, endpoint) || endpoint.Attempts.Exists(static a => a.IsConnected))
            {
                continue;
            }

            if (endpoint.Attempts.Count >= MostAttempts)
            {
                endpoint.Attempts[0].Abandon();
            }

            if (host.Dial(target, endpoint) is { } attempt)
            {
                endpoint.Tries++;
                endpoint.Attempts.Add(attempt);
            }
        }

        target.NextTryNs = NeedsLink(target) || (target.IsName && target.Endpoints.Count == 0)
            ? nowNs + target.Backoff.NextDelayNs(nowNs)
            : target.IsName ? nowNs + RefreshNs : long.MaxValue;
    }

    private bool IsMissing(DialTarget target)
    {
        foreach (DialEndpoint endpoint in target.Endpoints)
        {
            if (NeedsLink(target, endpoint)
                && (endpoint.Failures == 0 || endpoint.Attempts.Exists(static a => a.IsConnected)))
            {
                return true;
            }
        }

        return false;
    }

    private bool NeedsLink(DialTarget target)
    {
        if (target.Endpoints.Count == 0)
        {
            return true;
        }

        foreach (DialEndpoint endpoint in target.Endpoints)
        {
            if (NeedsLink(target, endpoint))
            {
                return true;
            }
        }

        return false;
    }

    private bool NeedsLink(DialTarget target, DialEndpoint endpoint)
    {
        if (endpoint.IsSelf || IsLinked(endpoint) || !host.Wants(endpoint))
        {
            return false;
        }

        foreach (DialEndpoint other in target.Endpoints)
        {
            if (other.Address.AddressFamily != endpoint.Address.AddressFamily
                && (IsLinked(other) || other.Attempts.Exists(static a => a.IsConnected)))
            {
                return false;
            }
        }

        return true;
    }

    private bool IsLinked(DialEndpoint endpoint) => !endpoint.LeadsTo.IsEmpty && host.IsLinked(endpoint.LeadsTo);

    private void SetEndpoints(DialTarget target, IPAddress[] addresses)
    {
        var wanted = new HashSet<IPEndPoint>();
        foreach (IPAddress address in addresses)
        {
            if (wanted.Count < MostEndpointsOfAName)
            {
                wanted.Add(new IPEndPoint(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, target.Port));
            }
        }

        foreach (DialEndpoint endpoint in target.Endpoints.ToArray())
        {
            if (!wanted.Remove(endpoint.Address))
            {
                target.Endpoints.Remove(endpoint);
                endpoint.Targets.Remove(target);
                Forget(endpoint);
            }
        }

        foreach (IPEndPoint address in wanted)
        {
            if (!_endpoints.TryGetValue(address, out DialEndpoint? endpoint))
            {
                endpoint = new DialEndpoint(address) { LeadsTo = host.NodeAt(address) };
                _endpoints.Add(address, endpoint);
            }

            endpoint.Targets.Add(target);
            target.Endpoints.Add(endpoint);
        }
    }

    private void Forget(DialEndpoint endpoint)
    {
        if (endpoint.Targets.Count == 0)
        {
            _endpoints.Remove(endpoint.Address);
            AbandonAll(endpoint);
        }
    }

    private static void AbandonAll(DialEndpoint endpoint)
    {
        foreach (IDialAttempt attempt in endpoint.Attempts.ToArray())
        {
            attempt.Abandon();
        }
    }
}
