namespace NexusD.Protocol.Tests;

public sealed class NodeIdTests
{
    [Fact]
    public void OrderIsThatOfTheBytes()
    {
        Random random = new(20_11);
        byte[] left = new byte[NodeId.Size];
        byte[] right = new byte[NodeId.Size];
        for (int round = 0; round < 10_000; round++)
        {
            random.NextBytes(left);
            left.CopyTo(right, 0);
            right[random.Next(NodeId.Size)] = (byte)random.Next(256);
            NodeId a = new(left);
            NodeId b = new(right);
            int expected = left.AsSpan().SequenceCompareTo(right);
            Assert.Equal(Math.Sign(expected), Math.Sign(a.CompareTo(b)));
            Assert.Equal(expected < 0, a < b);
            Assert.Equal(expected > 0, a > b);
            Assert.Equal(expected <= 0, a <= b);
            Assert.Equal(expected >= 0, a >= b);
            Assert.Equal(expected == 0, a == b);
            Assert.Equal(expected == 0, a.Equals((object)b) && a.GetHashCode() == b.GetHashCode());
        }
    }

    [Fact]
    public void BytesComeBack()
    {
        byte[] bytes = [.. Enumerable.Range(1, NodeId.Size).Select(value => (byte)value)];
        byte[] copy = new byte[NodeId.Size];
        NodeId id = new(bytes);
        id.CopyTo(copy);
        Assert.Equal(bytes, copy);
        Assert.Equal("0102030405060708090a0b0c0d0e0f10", id.ToString());
        Assert.False(id.IsEmpty);
        Assert.True(default(NodeId).IsEmpty);
    }
}
