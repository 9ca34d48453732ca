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
}
