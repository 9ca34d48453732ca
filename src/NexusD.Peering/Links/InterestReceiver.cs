using NexusD.Protocol;
using NexusD.Protocol.Peer;
using NexusD.Protocol.Topics;
using NexusD.Routing;

namespace NexusD.Peering.Links;

/// <summary>
/// What one peer wants, as it told. In: INTEREST and INTEREST_STATE frames. Out: calls to the router, and whether to
/// ask again.
/// </summary>
/// <remarks>
/// <para>A reset does not take anything away at once: the filters that were known stay until the sender has told its
/// state, and those that it did not name again go then. So a repair, or a link that takes over from another, never
/// opens a moment in which a matching event is not forwarded, and a peer that cannot be reached keeps its
/// interest.</para>
/// <para>Bounded in filters and in their bytes; beyond that the peer counts as interested in everything until its next
/// reset.</para>
/// </remarks>
internal sealed class InterestReceiver(MeshContext mesh, DeliveryTarget link, NodeId peer)
{
    private readonly Dictionary<TopicFilter, uint> _filters = [];
    private readonly Dictionary<uint, PeerMember> _members = [];
    private uint _generation;
    private ulong _version;
    private ulong _digest;
    private int _current;
    private long _bytes;
    private bool _waitsForReset = true;

    /// <summary>Filters known; those of before a reset that is not complete are among them.</summary>
    public int Count => _filters.Count;

    /// <summary>Members of groups known, as <see cref="Count"/>.</summary>
    public int Members => _members.Count;

    /// <summary>The peer has told everything, over the present link.</summary>
    public bool IsWhole { get; private set; }

    /// <summary>The peer told more than the limit.</summary>
    public bool WantsEverything { get; private set; }

    /// <summary>
    /// Another link takes over: the peer tells everything anew, and until it has the filters that are known stay.
    /// </summary>
    public void Restart()
    {
        _waitsForReset = true;
        IsWhole = false;
    }

    /// <summary>Takes a frame in. <paramref name="ask"/>: send INTEREST_REQUEST.</summary>
    public LinkFault Read(ReadOnlySpan<byte> frame, out bool ask)
    {
        ask = false;
        if (InterestFrame.TryRead(frame, out InterestFrame interest) != ErrorCode.None)
        {
            return LinkFault.Malformed("an INTEREST frame that breaks its layout");
        }

        if (interest.Reset)
        {
            Reset();
        }
        else if (_waitsForReset)
        {
            return LinkFault.None; // it is on its way
        }
        else if (interest.Version != _version + 1)
        {
            ask = _waitsForReset = true;
            return LinkFault.None;
        }

        _version = interest.Version;
        var entries = new InterestReader(interest.Entries);
        while (entries.TryRead(
            out InterestChange change, out ReadOnlySpan<byte> text, out uint member, out GroupStrategy strategy))
        {
            TopicFilter? filter = null;
            GroupFilter? group = null;
            TopicError error = member == 0
                ? TopicFilter.TryParse(text, out filter)
                : GroupFilter.TryParse(text, out group);
            if (error != TopicError.None)
            {
                return LinkFault.Malformed($"an INTEREST frame with a filter that is none: {error.Describe()}");
            }

            if (group is not null ? !Apply(change, group, member, strategy)
                : !WantsEverything && !Apply(change, filter!))
            {
                ask = _waitsForReset = true;
                return LinkFault.None;
            }
        }

        return LinkFault.None;
    }

    /// <summary>Compares with what the peer says it told. <paramref name="ask"/>: send INTEREST_REQUEST.</summary>
    public void ReadState(in InterestStateFrame state, out bool ask)
    {
        ask = false;
        if (_waitsForReset)
        {
            return;
        }

        if (state.Version != _version)
        {
            ask = _waitsForReset = true;
        }
        else if (!WantsEverything)
        {
            RemoveOld();
            ask = _waitsForReset = state.Digest != _digest || state.Count != (uint)_current;
        }

        IsWhole = !ask;
    }

    private void Reset()
    {
        _waitsForReset = false;
        _generation++;
        _digest = 0;
        _current = 0;
        if (WantsEverything)
        {
            // The filters that the peer had were given up; it tells them anew.
            WantsEverything = false;
            mesh.Router.ClearInterest(link);
        }
    }

    private bool Apply(InterestChange change, TopicFilter filter)
    {
        bool known = _filters.TryGetValue(filter, out uint generation);
        bool current = known && generation == _generation;
        if (current != (change == InterestChange.Remove))
        {
            return false;
        }

        _digest ^= filter.Hash;
        if (change == InterestChange.Remove)
        {
            _current--;
            Remove(filter);
            return true;
        }

        _current++;
        _filters[filter] = _generation;
        if (known)
        {
            return true;
        }

        _bytes += filter.Canonical.Length;
        mesh.Router.AddInterest(link, filter);
        if (IsBeyondLimit)
        {
            TakeEverything();
        }

        return true;
    }

    private bool Apply(InterestChange change, GroupFilter filter, uint member, GroupStrategy strategy)
    {
        bool known = _members.TryGetValue(member, out PeerMember former);
        bool current = known && former.Generation == _generation;
        if (current != (change == InterestChange.Leave) || (known && !former.Is(filter, strategy)))
        {
            return WantsEverything; // then what is known is not all that was told
        }

        _digest ^= filter.MemberHash(member, strategy);
        if (change == InterestChange.Leave)
        {
            _current--;
            RemoveMember(member, filter);
            return true;
        }

        _current++;
        if (!known)
        {
            if (WantsEverything && IsBeyondLimit)
            {
                return true; // no room: this member is not chosen
            }

            _bytes += filter.Canonical.Length;
            mesh.Router.AddMember(link, peer, filter, member, strategy);
        }

        _members[member] = new PeerMember(filter, strategy, _generation);
        if (!WantsEverything && IsBeyondLimit)
        {
            TakeEverything();
        }

        return true;
    }

    private bool IsBeyondLimit => _filters.Count + _members.Count > mesh.Options.MaxFiltersPerPeer
        || _bytes > mesh.Options.MaxFilterBytesPerPeer;

    private void RemoveMember(uint member, GroupFilter filter)
    {
        _members.Remove(member);
        _bytes -= filter.Canonical.Length;
        mesh.Router.RemoveMember(link, member);
    }

    private void Remove(TopicFilter filter)
    {
        _filters.Remove(filter);
        _bytes -= filter.Canonical.Length;
        mesh.Router.RemoveInterest(link, filter);
    }

    private void RemoveOld()
    {
        if (_current == _filters.Count + _members.Count)
        {
            return;
        }

        foreach ((TopicFilter filter, uint generation) in _filters)
        {
            if (generation != _generation)
            {
                Remove(filter); // a dictionary allows that while it is walked
            }
        }

        foreach ((uint number, PeerMember member) in _members)
        {
            if (member.Generation != _generation)
            {
                RemoveMember(number, member.Filter);
            }
        }
    }

    private void TakeEverything()
    {
        WantsEverything = true;
        mesh.Router.AddInterestInEverything(link);
        foreach (TopicFilter filter in _filters.Keys)
        {
            mesh.Router.RemoveInterest(link, filter);
            _bytes -= filter.Canonical.Length;
        }

        _filters.Clear();
    }

    private readonly record struct PeerMember(GroupFilter Filter, GroupStrategy Strategy, uint Generation)
    {
        public bool Is(GroupFilter filter, GroupStrategy strategy) =>
            Strategy == strategy && Filter.Equals(filter);
    }
}
