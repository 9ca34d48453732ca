namespace NexusdBench.History;

/// <summary>What one subscription got and was told.</summary>
/// <param name="name">For people.</param>
/// <param name="scope">Topics that it asked for.</param>
/// <param name="isPerTopic">Whether it keeps the latest event of each topic, so that order holds within topics.</param>
/// <param name="resumes">Whether it says after a reconnect what it has had, so that it is told what it missed.</param>
internal sealed class SubscriptionLog(string name, TopicScope scope, bool isPerTopic, bool resumes)
{
    internal string Name { get; } = name;

    internal TopicScope Scope { get; } = scope;

    internal bool IsPerTopic { get; } = isPerTopic;

    internal bool Resumes { get; } = resumes;

    internal List<ConnectionRecord> Connections { get; } = [];

    internal List<DeliveredRun> Runs { get; } = [];

    internal List<ToldGap> Gaps { get; } = [];

    internal List<BadDelivery> Bad { get; } = [];
}
