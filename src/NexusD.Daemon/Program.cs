using NexusD.Daemon.Options;

namespace NexusD.Daemon;

/// <summary>
/// The daemon's way in: reads the options, does what the commands among them ask, else runs the node.
/// </summary>
internal static class Program
{
    private const int Success = 0;
    private const int BadConfiguration = 2;

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
            Console.Out.WriteLine($"nexusd");
            return Success;
        }

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
}
