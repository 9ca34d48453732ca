using System.Buffers.Binary;
using System.Net;
using NexusD.Protocol;
using NexusD.Protocol.Greetings;

namespace NexusD.Simulation.Tests;

/// <summary>
/// Looks at all lanes: nobody forwards what another node published. Breaks frames when it is told to.
/// </summary>
internal sealed class LaneTap(SimulationRun run, Mutation mutation, Random random)
{
    private const int PublisherOffset = 16;
    private const int GapPublisherOffset = 12;
    private const int CountOffset = 36;
    private const byte NoSuchKind = 0x9F;

    private readonly Dictionary<(FakeConnection, long), State> _lanes = [];

    /// <summary>Publishers of the runs and notices that were broken.</summary>
    public HashSet<ulong> Broken { get; } = [];

    public void See(FakeConnection connection, long stream, byte[] bytes)
    {
        if ((stream & 2) == 0)
        {
            return; // the control stream
        }

        if (!_lanes.TryGetValue((connection, stream), out State? state))
        {
            _lanes.Add((connection, stream), state = new State { Skip = StreamPreamble.Size });
        }

        Span<byte> rest = bytes;
        Span<byte> former = default;
        while (true)
        {
            int skipped = Math.Min(state.Skip, rest.Length);
            rest = rest[skipped..];
            state.Skip -= skipped;
            if (!FrameHeader.TryRead(rest, out FrameHeader header))
            {
                return;
            }

            Span<byte> frame = rest[..Math.Min(rest.Length, header.FrameBytes)];
            if (header.Kind == PeerFrameKind.Forward)
            {
                CheckOneHop(connection, PublisherOf(frame));
            }

            bool isBroken = frame.Length == header.FrameBytes && mutation != Mutation.None && random.Next(8) == 0
                && Break(header, frame, former);
            if (isBroken)
            {
                Broken.Add(BinaryPrimitives.ReadUInt64LittleEndian(
                    frame[(header.Kind == PeerFrameKind.Gap ? GapPublisherOffset : PublisherOffset)..]));
            }

            former = isBroken || header.Kind != PeerFrameKind.Forward ? default : frame;
            state.Skip = header.FrameBytes;
        }
    }

    private static ulong PublisherOf(ReadOnlySpan<byte> frame) =>
        BinaryPrimitives.ReadUInt64LittleEndian(frame[PublisherOffset..]);

    private void CheckOneHop(FakeConnection connection, ulong publisher)
    {
        IPAddress sender = connection.Endpoint.LocalEndPoint.Address;
        SimulatedNode owner = run.PublisherOf(publisher).Node;
        if (!owner.Address.Equals(sender) || owner.Inner.Endpoint != connection.Endpoint)
        {
            throw new SimulationFailure($"{sender} forwards an event that {owner.Name} published", publisher);
        }
    }

    private bool Break(in FrameHeader header, Span<byte> frame, Span<byte> former)
    {
        if (mutation == Mutation.MiscountGap && header.Kind == PeerFrameKind.Gap)
        {
            frame[CountOffset]++;
            return frame[CountOffset] != 0;
        }

        if (header.Kind != PeerFrameKind.Forward)
        {
            return false;
        }

        if (mutation == Mutation.DropRun)
        {
            frame[4] = NoSuchKind; // who reads it passes over it
            return true;
        }

        if (former.IsEmpty || former.Length != frame.Length || PublisherOf(former) != PublisherOf(frame)
            || former[7] + former[6] != frame[7] + frame[6])
        {
            return false;
        }

        switch (mutation)
        {
            case Mutation.SwapRuns:
                byte[] copy = former.ToArray();
                frame.CopyTo(former);
                copy.CopyTo(frame);
                return true;
            case Mutation.RepeatRun:
                former.CopyTo(frame);
                return true;
            case Mutation.RepeatPayload:
                former[^20..].CopyTo(frame[^20..]);
                return true;
            default:
                return false;
        }
    }

    private sealed class State
    {
        public int Skip { get; set; }
    }
}
