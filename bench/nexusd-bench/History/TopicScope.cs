namespace NexusdBench.History;

/// <summary>Which topics of a plan a subscription asks for.</summary>
internal enum TopicScope
{
    All,

    /// <summary>Those with an even number.</summary>
    Half,
}
