using System.Net;
using System.Text;
using NexusD.Protocol;
using NexusD.Protocol.Greetings;
using NexusD.Protocol.Peer;

namespace NexusD.Peering.Links;

/// <summary>HELLO: who the peer is, and whether it may be linked (peer-v1.md, "HELLO").</summary>
internal sealed partial class PeerLink
{
    private bool _greeted;

    /// <summary>The peer's node id; empty before its HELLO.</summary>
    public NodeId PeerId { get; private set; }

    public string PeerName { get; private set; } = "";

    public string PeerVersion { get; private set; } = "";

    /// <summary>Where the peer listens; null before its HELLO, or when it does not tell.</summary>
    public IPEndPoint? MeshAddress { get; private set; }

    /// <summary>What the peer takes.</summary>
    public PeerLimits Limits { get; private set; }

    /// <summary>
    /// The clock in the dialer's HELLO. Both sides know it, so both agree which of two links of one dialer is newer.
    /// </summary>
    public ulong DialedAt { get; private set; }

    private void OpenControl()
    {
        long stream = _connection!.OpenStream(unidirectional: false);
        if (stream < 0)
        {
            Fail(new LinkFault(ErrorCode.OverLimit, "the peer grants no bidirectional stream"));
            return;
        }

        _control.Open(_connection, stream);
        _connection.Prefer(stream);
        SendHello();
    }

    private void Greet()
    {
        if (!_greeted)
        {
            _greeted = true;
            StreamPreamble.Control.Write(_control.Reserve(StreamPreamble.Size));
        }
    }

    private void SendHello()
    {
        Greet();
        MeshOptions options = _mesh.Options;
        ulong now = _mesh.Tick();
        if (IsDialed)
        {
            DialedAt = now;
        }

        var hello = new PeerHelloFrame
        {
            NodeId = options.NodeId,
            NodeName = Encoding.UTF8.GetBytes(options.NodeName),
            Cluster = Encoding.UTF8.GetBytes(options.Cluster),
            DaemonVersion = Encoding.UTF8.GetBytes(options.Version),
            MeshPort = (ushort)_owner.MeshPort,
            Timestamp = now,
            MaxAliases = (uint)options.MaxAliases,
            MaxFrame = (uint)options.MaxFrameBytes,
            MaxPayload = (uint)options.MaxPayloadBytes,
        };
        hello.Write(_control.Reserve(hello.FrameBytes));
        MarkDirty();
    }

    private LinkFault ReadHello(ReadOnlySpan<byte> frame)
    {
        if (_phase != LinkPhase.AwaitingHello)
        {
            return new LinkFault(ErrorCode.OutOfOrder, "a second HELLO");
        }

        if (PeerHelloFrame.TryRead(frame, out PeerHelloFrame hello) != ErrorCode.None)
        {
            return LinkFault.Malformed("a HELLO that breaks its layout or lacks node id, name or cluster");
        }

        // Before anything else is looked at or told: a peer of another cluster learns nothing of this one.
        if (!hello.Cluster.SequenceEqual(Encoding.UTF8.GetBytes(_mesh.Options.Cluster)))
        {
            return new LinkFault(
                ErrorCode.WrongCluster,
                $"the peer is of cluster '{PrintableText.Of(hello.Cluster)}'; --cluster must be the same on all nodes");
        }

        if (hello.NodeId == _mesh.Options.NodeId)
        {
            return new LinkFault(ErrorCode.SelfLink, "this address leads back to the node itself");
        }

        PeerId = hello.NodeId;
        PeerName = Encoding.UTF8.GetString(hello.NodeName);
        PeerVersion = Encoding.UTF8.GetString(hello.DaemonVersion);
        MeshAddress = hello.MeshPort == 0 ? null : MeshAddressOf(_connection!.RemoteEndPoint.Address, hello.MeshPort);
        DialedAt = IsDialed ? DialedAt : hello.Timestamp;
        Limits = new PeerLimits((int)Math.Min(hello.MaxFrame, int.MaxValue), hello.MaxPayload, hello.MaxAliases);
        _mesh.Observe(hello.Timestamp);
        return _owner.Admit(this);
    }

    /// <summary>The mesh admits the link: from here on it carries the channel, in place of the one that did.</summary>
    public void GoUp(PeerChannel channel)
    {
        _phase = LinkPhase.Up;
        _controlFrames.LiftLimit();
        _upSinceNs = _lastAnsweredNs = _mesh.Loop.NowNs;
        if (!IsDialed)
        {
            SendHello();
        }

        _channel = channel;
        _predecessor = channel.Attach(this);
        _predecessor?.Retire();
        SendLaneResume();
        StartControl();
        MarkDirty();
    }

    private static IPEndPoint MeshAddressOf(IPAddress address, int port) =>
        new(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, port);
}

/// <summary>What a peer takes, as it says in its HELLO.</summary>
internal readonly record struct PeerLimits(int MaxFrame, uint MaxPayload, uint MaxAliases);
