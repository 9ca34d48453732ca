using System.Reflection;
using Xunit.Sdk;

namespace NexusD.Conformance.Tests.Driver;

/// <summary>Runs a scenario once in each language whose agent is there; the others are told by LanguageTests.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class EachLanguageAttribute : DataAttribute
{
    /// <summary>The optional part of client.md that the scenario is about; null: none.</summary>
    public string? Part { get; init; }

    public override IEnumerable<object[]> GetData(MethodInfo testMethod) =>
        AgentCatalog.Languages
            .Where(l => AgentCatalog.WhyMissing(l) is null && (Part is null || !AgentCatalog.Lacks(l, Part)))
            .Select(l => new object[] { l });
}
