using Nexusctl.Output;

namespace Nexusctl.Commands;

/// <summary>The commands that show what the daemon says about itself.</summary>
internal static class QueryCommand
{
    internal static Task<int> StatusAsync(CommandContext context) => RunAsync(context, JsonTables.Tree);

    internal static Task<int> ListAsync(CommandContext context, string[] columns, string nothing) =>
        RunAsync(context, json => JsonTables.List(json, columns, nothing));

    private static async Task<int> RunAsync(CommandContext context, Func<string, string> format)
    {
        await using var client = await context.ConnectAsync();
        var json = await client.QueryAsync(context.Arguments.Command.Name, context.Interrupted);
        context.Output.WriteText(context.Arguments.Has("--json") ? json + "\n" : format(json));
        return ExitCode.Done;
    }
}
