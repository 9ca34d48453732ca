using System.Reflection;
using Xunit.Sdk;

namespace NexusD.Conformance.Tests.Driver;

/// <summary>One language, skipped with the reason where its agent is missing.</summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
internal sealed class InLanguageAttribute : DataAttribute
{
    private readonly string _language;

    public InLanguageAttribute(string language, string? part = null)
    {
        _language = language;
        Skip = AgentCatalog.WhyMissing(language);
        if (Skip is null && part is not null && AgentCatalog.Lacks(language, part))
        {
            Skip = $"{language}: its client does not offer '{part}'.";
        }
    }

    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => [[_language]];
}
