using NexusD.Conformance.Tests.Driver;

namespace NexusD.Conformance.Tests;

/// <summary>Says loudly which languages were not tested here.</summary>
public sealed class LanguageTests
{
    [Theory]
    [InLanguage("dotnet")]
    [InLanguage("python")]
    [InLanguage("typescript")]
    [InLanguage("go")]
    [InLanguage("rust")]
    public async Task The_agent_runs(string language)
    {
        Assert.Contains(language, AgentCatalog.Languages);
        await using Agent agent = Agent.Start(language);
        Failure failure = await agent.FailAsync("dance", []);
        Assert.Equal("unsupported", failure.Kind);
    }

    [Theory]
    [InLanguage("dotnet", "keep")]
    [InLanguage("python", "keep")]
    [InLanguage("typescript", "keep")]
    [InLanguage("go", "keep")]
    [InLanguage("rust", "keep")]
    public void It_keeps_subscriptions(string language) => Assert.False(AgentCatalog.Lacks(language, "keep"));
}
