using NexusD.Protocol.App;
using NexusD.Protocol.Frames;
using NexusD.Protocol.Peer;
using NexusD.Protocol.Topics;

namespace NexusD.Protocol.Tests;

/// <summary>Relations between limits that the protocols rely on.</summary>
public sealed class LimitTests
{
    [Fact]
    public void TheDefaultsAreThoseOfTheTexts()
    {
        Assert.Equal(4_194_304, ProtocolLimits.DefaultMaxPayloadBytes);
        Assert.Equal(4_260_096, ProtocolLimits.DefaultMaxFrameBytes);
        Assert.Equal(65_536, ProtocolLimits.DefaultMaxAliases);
        Assert.Equal(1UL << 62, ProtocolLimits.MaxFirstNumber);
        Assert.Equal((1UL << 63) - 1, ProtocolLimits.MaxNumber);
    }

    [Fact]
    public void TheLongestEventFitsTheFrameLimitOnEachHop()
    {
        int longest = DeliverFrame.HeaderBytes + ProtocolLimits.MaxEventPropertyBytes
            + PropertyWriter.Size(ProtocolLimits.MaxTopicBytes)
            + EventRunBody.SizeFieldBytes + ProtocolLimits.DefaultMaxPayloadBytes;
        Assert.True(longest <= ProtocolLimits.DefaultMaxFrameBytes);
    }

    [Fact]
    public void TheLongestRunFitsTheNextHopAfterItsHeaderHasGrown()
    {
        int growth = Math.Max(DeliverFrame.HeaderBytes, ForwardFrame.HeaderBytes) - PublishFrame.HeaderBytes
            + PropertyWriter.Size(ProtocolLimits.MaxTopicBytes);
        Assert.True(ProtocolLimits.MaxRunFrameBytes + growth <= ProtocolLimits.MaxGrownRunFrameBytes);
        Assert.True(ProtocolLimits.MaxGrownRunFrameBytes <= ProtocolLimits.MinMaxFrameBytes);
    }

    [Fact]
    public void FramesWithoutAPayloadFitTheLeastFrameLimit()
    {
        Assert.True(ProtocolLimits.MaxInterestFrameBytes <= ProtocolLimits.MinMaxFrameBytes);
        Assert.True(TopicFrame.HeaderBytes + ProtocolLimits.MaxTopicBytes <= ProtocolLimits.MinMaxFrameBytes);
        Assert.True(ErrorFrame.HeaderBytes + ProtocolLimits.MaxErrorTextBytes <= ProtocolLimits.MinMaxFrameBytes);
    }

    [Fact]
    public void PropertiesOfARunFitTheirLengthField() => Assert.True(
        ProtocolLimits.MaxEventPropertyBytes + PropertyWriter.Size(ProtocolLimits.MaxTopicBytes) <= ushort.MaxValue);

    [Theory]
    [InlineData(0x00, false)]
    [InlineData(0x01, true)]
    [InlineData(0xEF, true)]
    [InlineData(0xF0, false)]
    [InlineData(0xFF, false)]
    public void KindsThatCanBeAssigned(byte kind, bool assignable) =>
        Assert.Equal(assignable, FrameKind.IsAssignable(kind));

    [Fact]
    public void WritersRefuseWhatDoesNotFitAField()
    {
        Assert.Throws<ArgumentException>(() => FilterListReader.Write(new byte[2000], new byte[1025]));
        Assert.Throws<ArgumentException>(
            () => InterestReader.Write(new byte[2000], InterestChange.Add, new byte[1025]));
        Assert.Throws<ArgumentException>(() => new PropertyWriter(new byte[70000]).Write(1, new byte[65536]));
        Assert.Throws<ArgumentException>(
            () => new PropertyWriter(new byte[600]).WriteEventHeader(new byte[256], default));
        Assert.Throws<ArgumentException>(() => new PropertyWriter(new byte[600]).WriteEventHeader(default, default));
        Assert.Throws<ArgumentException>(() => new PropertyWriter(new byte[7]).Write(1, 5UL));
        Assert.Throws<ArgumentException>(() => PublishFrame.WriteHeader(new byte[11], 12, 0, 0, 1));
        Assert.Throws<ArgumentException>(() => DeliverFrame.WriteHeader(new byte[39], 40, 0, 0, 1, 1, 1, 1, 1));
        Assert.Throws<ArgumentException>(() => ForwardFrame.WriteHeader(new byte[39], 40, 0, 0, 1, 1, 1, 1));
    }

    [Fact]
    public void FilterOfPlainTextSaysWhatIsWrong()
    {
        FormatException error = Assert.Throws<FormatException>(() => TopicFilter.Parse("a/#/b"));
        Assert.Contains("a/#/b", error.Message, StringComparison.Ordinal);
        Assert.Contains("last level", error.Message, StringComparison.Ordinal);
    }
}
