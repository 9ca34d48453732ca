namespace NexusD.Tidy.Tests;

/// <summary>A rule over the whole tree. Its name is what an allowance comment names.</summary>
internal abstract class TidyRule
{
    public abstract string Name { get; }

    /// <summary>Every place that breaks the rule, allowed or not.</summary>
    public abstract IEnumerable<Finding> Check(SourceTree tree);
}
