using System.Text;
using NexusD.Buffers;
using NexusD.Protocol;
using NexusD.Protocol.Topics;

namespace NexusD.Routing.Tests.Support;

/// <summary>Short words for what tests do to a router.</summary>
internal static class Mesh
{
    public static Router Router(RouterOptions? options = null) =>
        new(options ?? new RouterOptions { NodeName = "here" }, new SlabPool());

    public static Topic Topic(this Router router, string name) => router.Intern(Encoding.UTF8.GetBytes(name));

    public static TopicFilter Filter(string text) => TopicFilter.Parse(text);

    public static RecordingTarget Subscriber(this Router router, params string[] filters)
    {
        var target = new RecordingTarget(string.Join(' ', filters));
        foreach (string filter in filters)
        {
            Xunit.Assert.True(router.Subscribe(target, Filter(filter)));
        }

        return target;
    }

    public static RecordingTarget Peer(this Router router, params string[] filters)
    {
        var link = new RecordingTarget(string.Join(' ', filters));
        router.AddPeer(link);
        foreach (string filter in filters)
        {
            Xunit.Assert.True(router.AddInterest(link, Filter(filter)));
        }

        return link;
    }

    public static PublishOutcome Publish(
        this Router router,
        string topic,
        string payload,
        RunFlags flags = RunFlags.None,
        ulong timestamp = 1UL << 16) =>
        router.Publish(Runs.Of(router.Topic(topic), Runs.Body(payload), flags: flags, timestamp: timestamp));
}
