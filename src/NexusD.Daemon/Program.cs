using NexusD.Daemon.Logging;
using NexusD.Daemon.Options;

namespace NexusD.Daemon;

/// <summary>
/// The daemon's way in: reads the options, does what the commands among them ask, else runs the node.
/// </summary>
internal static class Program
{
    private const int Success = 0;
    private const int CannotStart = 1;
    private const int BadConfiguration = 2;
    private const int EndedBySecondSignal = 130;
    private const int StandardError = 2;
    private const int PoolThreads = 8;

    private static int Main(string[] arguments)
    {
        OptionSet options = OptionLoader.Load(arguments, OptionLoader.ProcessEnvironment());
        if (options.Get(OptionTable.Help))
        {
            Console.Out.Write(OptionText.Help());
            return Success;
        }

        if (options.Get(OptionTable.Version))
        {
            Console.Out.WriteLine($"nexusd {DaemonVersion.Text}");
            return Success;
        }

        if (options.Errors.Count > 0 || options.Get(OptionTable.CheckConfig))
        {
            return Check(options);
        }

        return Run(options);
    }

    private static int Check(OptionSet options)
    {
        foreach (string warning in options.Warnings)
        {
            Console.Error.WriteLine($"nexusd: warning: {warning}");
        }

        foreach (string error in options.Errors)
        {
            Console.Error.WriteLine($"nexusd: error: {error}");
        }

        if (options.Get(OptionTable.CheckConfig) && options.Errors.Count == 0)
        {
            Console.Out.Write(OptionText.Effective(options));
        }

        return options.Errors.Count > 0 ? BadConfiguration : Success;
    }

    private static int Run(OptionSet options)
    {
        // HTTP and name look-ups are rare; more threads would only hold memory.
        ThreadPool.SetMinThreads(1, 1);
        int most = Math.Max(PoolThreads, Environment.ProcessorCount); // the runtime refuses less
        ThreadPool.SetMaxThreads(most, most);
        var writer = new LogWriter(StandardError, options.Get(OptionTable.LogFormat) == "json", TimeProvider.System);
        var log = new SourceLogger(writer, "daemon", LogLevels.Parse(options.Get(OptionTable.LogLevel)));
        foreach (string warning in options.Warnings)
        {
            DaemonLog.ConfigurationWarning(log, warning);
        }

        MemoryWatch.LimitHeap(MemoryPlan.From(options));
        try
        {
            using var host = new DaemonHost(options, writer, Console.Out);
            using var signals = new SignalWatch(signal => Leave(host, signal), host.ReloadCertificates);
            host.Run();
            if (host.FailedBecause is null)
            {
                return Success;
            }

            DaemonLog.CannotStart(log, host.FailedBecause);
        }
        catch (StartException e)
        {
            DaemonLog.CannotStart(log, e.Message);
        }
        catch (Exception e)
        {
            DaemonLog.Crashed(log, e);
        }

        return CannotStart;
    }

    /// <summary>A second signal ends the process where it stands.</summary>
    private static void Leave(DaemonHost host, string signal)
    {
        if (!host.TryLeave(signal))
        {
            Environment.Exit(EndedBySecondSignal);
        }
    }
}
