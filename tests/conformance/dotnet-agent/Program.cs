using ConformanceAgent;

// Lines of JSON in, calls of the C# client, lines of JSON out: see README.md one folder up.
using var agent = new Agent(Console.Out);
while (await Console.In.ReadLineAsync() is { } line)
{
    agent.Start(line);
}

await agent.EndAsync();
