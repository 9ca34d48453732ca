using NexusD.Peering.Tests.Simulation;
using NexusD.Protocol;
using NexusD.Protocol.Greetings;
using NexusD.Protocol.Peer;

namespace NexusD.Peering.Tests;

/// <summary>
/// Inputs that were right once and then had bytes changed, cut, doubled: no fault, no growth, and a close that says
/// why.
/// </summary>
public sealed class MutationTests
{
    private const int Rounds = 400;
    private const int InputsARound = 250;

    [Fact]
    public void A_hundred_thousand_mutated_inputs_do_no_harm()
    {
        var random = new Random(20250714);
        long refused = 0;
        long survived = 0;
        for (int round = 0; round < Rounds; round++)
        {
            var world = new VirtualWorld(round);
            using var node = new TestNode(world, 1);
            node.Subscribe("#", "a/*");
            node.Publish("r", "kept", retain: true);
            Round(world, node, random, ref refused, ref survived);
            Assert.Equal(
                node.Snapshot.Links.Count(l => l.State is LinkState.Up or LinkState.Down),
                node.Router.GetStatistics().Links);
            node.Router.AssertInvariants();
        }

        Assert.True(refused > Rounds, $"only {refused} links were refused");
        Assert.True(survived > Rounds * InputsARound / 10, $"only {survived} inputs were taken");
    }

    private static void Round(VirtualWorld world, TestNode node, Random random, ref long refused, ref long survived)
    {
        RawPeer? raw = null;
        long lane = -1;
        int host = 20;
        for (int i = 0; i < InputsARound; i++)
        {
            if (raw?.Closed is not null)
            {
                Assert.NotEqual("", raw.Closed.Value.Reason);
                Assert.True(raw.ClosedWith is > 0 and <= ErrorCode.OverLimit, $"closed with {raw.ClosedWith}");
                refused++;
                raw.Dispose();
                raw = null;
            }

            if (raw is null)
            {
                raw = new RawPeer(world, node, host++);
                raw.OpenControl();
                if (random.Next(4) != 0)
                {
                    raw.SendHello();
                }

                lane = raw.OpenLane((byte)random.Next(12), (Priority)random.Next(3));
            }

            bool toLane = random.Next(2) == 0;
            byte[] good = toLane ? LaneFrame(raw, random) : ControlFrame(raw, random);
            raw.Send(toLane ? lane : raw.Control, random.Next(3) == 0 ? good : Mutate(good, random));
            survived += raw.Closed is null ? 1 : 0;
            Assert.True(node.Pool.RentedBytes < 80_000_000, $"{node.Pool.RentedBytes} bytes are held");
        }

        raw?.Dispose();
        world.RunFor(10);
    }

    private static byte[] LaneFrame(RawPeer raw, Random random)
    {
        uint alias = (uint)random.Next(1, 4);
        ulong number = (ulong)random.Next(1, 1_000);
        byte[] topicFirst = [1, 1, 0, (byte)'t', 6, 1, 0, 1];
        byte[] topicBetween = [2, 1, 0, 65, 1, 1, 0, (byte)'t', 5, 4, 0, 9, 9, 0, 0];
        return random.Next(5) switch
        {
            0 => RawPeer.Topic(alias, random.Next(4) == 0 ? "a/#" : $"a/{random.Next(5)}"),
            1 => [.. RawPeer.Topic(alias, "x"), .. raw.Forward(alias, (ulong)random.Next(1, 5), number, "1", "22")],
            2 => raw.ForwardWith(0, 3, number, topicFirst, new string('x', random.Next(3_000))),
            3 => raw.ForwardWith(0, 3, number, topicBetween, "x"),
            _ => Gap(random),
        };
    }

    private static byte[] ControlFrame(RawPeer raw, Random random) => random.Next(10) switch
    {
        0 => raw.Hello(),
        1 => RawPeer.Interest(
            (ulong)random.Next(1, 4), random.Next(2) == 0, (InterestChange.Add, "a/*"), (InterestChange.Remove, "b")),
        2 => RawPeer.InterestState((ulong)random.Next(1, 4), 1, 1),
        3 => RawPeer.Empty(PeerFrameKind.InterestRequest),
        4 => RawPeer.Empty(PeerFrameKind.RetainedRequest),
        5 => Retained(raw, random),
        6 => [16 + 4, 0, 0, 0, PeerFrameKind.Ping, 0, 0, 0, .. new byte[16]],
        7 => [16, 0, 0, 0, PeerFrameKind.RetainedState, 0, 0, 0, .. new byte[12]],
        8 => Digests((RetainedDigestsKind)random.Next(7), random.Next(3) * 32),
        _ => RawPeer.Preamble(StreamPreamble.Control),
    };

    private static byte[] Digests(RetainedDigestsKind kind, int count)
    {
        byte[] frame = new byte[RetainedDigestsFrame.BytesOf(kind, count)];
        RetainedDigestsFrame.WriteHeader(frame, kind, count);
        return frame;
    }

    private static byte[] Retained(RawPeer raw, Random random)
    {
        string payload = random.Next(2) == 0 ? "" : "v";
        byte[] frame = raw.ForwardWith(0, 9, (ulong)random.Next(1, 99), [1, 1, 0, (byte)'r'], payload);
        frame[4] = PeerFrameKind.Retained;
        frame[5] = frame[^4] == 0 ? (byte)2 : (byte)0;
        return frame;
    }

    private static byte[] Gap(Random random)
    {
        var gap = new Protocol.Frames.GapFrame
        {
            Publisher = (ulong)random.Next(3), From = 1, To = 5, Count = 2, Reason = DropReason.LinkFull, Where = "n"u8,
        };
        byte[] bytes = new byte[gap.FrameBytes];
        gap.Write(bytes);
        return bytes;
    }

    private static byte[] Mutate(byte[] good, Random random)
    {
        byte[] bytes = [.. good];
        for (int changes = random.Next(1, 4); changes > 0 && bytes.Length > 0; changes--)
        {
            int at = random.Next(bytes.Length);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    bytes = bytes[..at];
                    break;
                case 3:
                    bytes = [.. bytes[..at], .. bytes[at..], .. bytes[at..]];
                    break;
                case 4:
                    bytes = [.. bytes[..at], (byte)random.Next(256), .. bytes[at..]];
                    break;
                default:
                    bytes[random.Next(Math.Min(8, bytes.Length))] = (byte)random.Next(256);
                    break;
            }
        }

        return bytes;
    }
}
