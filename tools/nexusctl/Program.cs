using Nexusctl.Arguments;
using Nexusctl.Commands;
using Nexusctl.Output;
using NexusdClient;

namespace Nexusctl;

/// <summary>
/// <c>nexusctl</c>: publish, subscribe and look into a nexusd from the command line. Sees the C# client and nothing of
/// the daemon. Folders: Arguments (what was asked), Commands (one class each), Input (where events come from), Output.
/// </summary>
internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        using var interruption = new Interruption();
        using var output = new StandardOutput();
        return await RunAsync(args, output, Console.Error, interruption.Token);
    }

    /// <summary>Runs one command line.</summary>
    /// <returns>The exit code, see <see cref="ExitCode"/>.</returns>
    internal static async Task<int> RunAsync(
        string[] args, StandardOutput output, TextWriter errors, CancellationToken interrupted)
    {
        try
        {
            var parsed = ArgumentParser.Parse(CommandTable.All, args);
            if (parsed.Answer is not null)
            {
                output.WriteText(parsed.Answer);
                return ExitCode.Done;
            }

            return await parsed.Command.Run(new CommandContext(parsed, output, errors, interrupted));
        }
        catch (UsageException e)
        {
            await errors.WriteLineAsync($"nexusctl: {e.Message}");
            return ExitCode.Usage;
        }
        catch (ConnectionException e)
        {
            await errors.WriteLineAsync($"nexusctl: {e.Message}");
            return ExitCode.NoConnection;
        }
        catch (OutputClosedException)
        {
            // Whoever read the output has seen enough, as head does.
            return ExitCode.Done;
        }
        catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
        {
            return ExitCode.Interrupted;
        }
        catch (Exception e) when (
            e is NexusdException or IOException or InvalidDataException or UnauthorizedAccessException)
        {
            await errors.WriteLineAsync($"nexusctl: {e.Message}");
            return ExitCode.Failed;
        }
    }
}
