using NexusD.Routing.Tests.Support;
using Xunit;

namespace NexusD.Routing.Tests.Topics;

public sealed class TopicTableTests
{
    private readonly Router _router = Mesh.Router(new RouterOptions { MaxTopics = 16 });

    [Fact]
    public void TheSameNameIsTheSameObject()
    {
        Topic topic = _router.Intern("a/b"u8);
        Assert.Same(topic, _router.Intern("a/b"u8));
        Assert.NotSame(topic, _router.Intern("a/B"u8));
        Assert.Equal("a/b", topic.Text);
    }

    [Fact]
    public void FindingAKnownTopicAllocatesNothing()
    {
        _router.Intern("a/b"u8);
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (int i = 0; i < 1000; i++)
            {
                _router.Intern("a/b"u8);
            }
        }));
    }

    [Fact]
    public void ATopicThatLeftTheTableStaysUsableAndTwoObjectsOfANameDoNotDisturbEachOther()
    {
        RecordingTarget subscriber = _router.Subscriber("a/b");
        Topic first = _router.Topic("a/b");
        _router.Publish(Runs.Of(first, Runs.Body("1")));
        Crowd();
        Topic second = _router.Topic("a/b");
        Assert.NotSame(first, second);

        _router.Publish(Runs.Of(first, Runs.Body("2")));
        _router.Publish(Runs.Of(second, Runs.Body("3")));
        Crowd();
        _router.Publish(Runs.Of(first, Runs.Body("4")));
        Assert.Same(first, _router.Topic("a/b"));
        _router.Unsubscribe(subscriber);
        _router.Publish(Runs.Of(first, Runs.Body("5")));
        _router.Publish(Runs.Of(second, Runs.Body("6")));

        Assert.Equal(["1", "2", "3", "4"], subscriber.Deliveries.Select(d => d.Texts));
        Assert.Equal(16, _router.GetStatistics().Topics);
        _router.AssertInvariants();
    }

    [Fact]
    public void TopicsInUseOutliveOthers()
    {
        Topic used = _router.Topic("used");
        for (int i = 0; i < 1000; i++)
        {
            _router.Topic($"t{i}");
            Assert.Same(used, _router.Topic("used"));
        }
    }

    private void Crowd()
    {
        for (int i = 0; i < 40; i++)
        {
            _router.Topic($"crowd/{i}");
        }
    }
}
