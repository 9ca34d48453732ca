namespace NexusD.Tidy.Tests.Rules;

/// <summary>Documents that others rely on: the protocols lead the code, the change log leads a release.</summary>
internal sealed class RequiredFileRule : TidyRule
{
    private static readonly string[] Required =
    [
        "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "docs/protocol/README.md", "docs/protocol/app-v1.md",
        "docs/protocol/peer-v1.md", "docs/protocol/topics.md", "docs/protocol/beacon.md",
    ];

    public override string Name => "required-file";

    public override IEnumerable<Finding> Check(SourceTree tree) =>
        Required.Where(p => !tree.HasFile(p)).Select(static p => new Finding(p, 0, "is missing"));
}
