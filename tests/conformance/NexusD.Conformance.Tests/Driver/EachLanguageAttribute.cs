using System.Reflection;
using Xunit.Sdk;

namespace NexusD.Conformance.Tests.Driver;

/// <summary>Runs a scenario once in each language whose agent is there; the others are told by LanguageTests.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class EachLanguageAttribute : DataAttribute
{
    public override IEnumerable<object[]> GetData(MethodInfo testMethod) =>
        AgentCatalog.Languages.Where(l => AgentCatalog.WhyMissing(l) is null).Select(l => new object[] { l });
}
