using NexusdBench.Chaos;
using NexusdBench.Gate;
using NexusdClient;

namespace NexusdBench;

/// <summary>
/// <c>nexusd-bench</c>: loads a daemon with publishers and subscribers, measures rates, latency and CPU, and proves
/// what arrived. Stands for the whole way of an event: client library, Unix socket or TCP, daemon, and back. Sees the
/// C# client and the protocol, and nothing of the daemon but its process.
/// </summary>
internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        try
        {
            if (GateOptions.AreMeantBy(args))
            {
                return PlayGate(args);
            }

            if (ChaosOptions.AreMeantBy(args))
            {
                return await ChaosProgram.RunAsync(args);
            }

            var options = BenchOptions.Parse(args);
            if (options is null)
            {
                Console.Write(BenchOptionTable.Help);
                return 0;
            }

            var findings = await Scenario.Make(options, ProgressLine.ForConsole()).RunAsync();
            Console.Write(
                options.Json ? ReportJson.Format(findings.Headline)
                : options.Csv ? ReportCsv.Format(options.Scenario, findings.Results)
                : ReportTable.Format(options, findings));
            return findings.AreGood ? 0 : 1;
        }
        catch (BenchUsageException e)
        {
            await Console.Error.WriteLineAsync($"nexusd-bench: {e.Message}\nSee 'nexusd-bench --help'.");
            return 2;
        }
        catch (ConnectionException e)
        {
            await Console.Error.WriteLineAsync($"nexusd-bench: {e.Message}");
            return 4;
        }
        catch (NexusdException e)
        {
            await Console.Error.WriteLineAsync($"nexusd-bench: {e.Message}");
            return 1;
        }
        catch (IOException e)
        {
            await Console.Error.WriteLineAsync($"nexusd-bench: {e.Message}");
            return 1;
        }
    }

    private static int PlayGate(string[] args)
    {
        if (GateOptions.Parse(args) is { } options)
        {
            new GateRun(options, Console.Out, Console.Error).Play();
        }
        else
        {
            Console.Write(GateOptions.Usage);
        }

        return 0;
    }
}
