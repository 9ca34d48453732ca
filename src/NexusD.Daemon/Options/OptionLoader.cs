namespace NexusD.Daemon.Options;

/// <summary>
/// Reads flags, environment and configuration file into one <see cref="OptionSet"/>. A flag goes before a variable, a
/// variable before the file, the file before the default.
/// </summary>
internal static class OptionLoader
{
    private const string EnvironmentPrefix = "NEXUSD_";

    /// <summary>Variables of that prefix that are not for the daemon: apps read them to find it.</summary>
    private static readonly string[] _appVariables = ["NEXUSD_ADDR", "NEXUSD_ENDPOINT"];

    /// <summary>Reads everything; what is wrong stands in <see cref="OptionSet.Errors"/>.</summary>
    public static OptionSet Load(IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        var options = new OptionSet();
        ReadFlags(arguments, options);
        ReadEnvironment(environment, options);
        if (options.IsSet(OptionTable.Config))
        {
            ConfigurationFile.Read(options.Get(OptionTable.Config), options);
        }

        OptionRules.Check(options);
        return options;
    }

    /// <summary>The variables of this process.</summary>
    public static IReadOnlyDictionary<string, string> ProcessEnvironment()
    {
        var variables = new Dictionary<string, string>();
        foreach (System.Collections.DictionaryEntry entry in Environment.GetEnvironmentVariables())
        {
            variables[(string)entry.Key] = (string?)entry.Value ?? string.Empty;
        }

        return variables;
    }

    private static void ReadFlags(IReadOnlyList<string> arguments, OptionSet options)
    {
        for (int i = 0; i < arguments.Count; i++)
        {
            string argument = arguments[i];
            int equals = argument.IndexOf('=', StringComparison.Ordinal);
            string flag = equals < 0 ? argument : argument[..equals];
            bool isShort = flag == "-h";
            if ((!flag.StartsWith("--", StringComparison.Ordinal) || flag.Length < 3) && !isShort)
            {
                options.AddError(
                    $"'{argument}' is not an option; options start with two dashes, as in --cluster=production.");
                continue;
            }

            if (OptionTable.Find(flag[(isShort ? 1 : 2)..], out string unit) is not { } option)
            {
                options.AddError($"unknown option '{flag}'.{HintFor(flag[2..])} nexusd --help lists all options.");
                i += equals < 0 && HasValueAt(arguments, i + 1) ? 1 : 0;
                continue;
            }

            string value = equals < 0 ? string.Empty : argument[(equals + 1)..];
            if (equals < 0)
            {
                bool takesNext = option.IsSwitch
                    ? i + 1 < arguments.Count && OptionReaders.Switch(arguments[i + 1], out _)
                    : HasValueAt(arguments, i + 1);
                value = takesNext ? arguments[++i] : option.IsSwitch ? "true" : string.Empty;
            }

            options.Set(option, value, unit, OptionSource.Flag, $"flag {flag}");
        }
    }

    private static bool HasValueAt(IReadOnlyList<string> arguments, int index) =>
        index < arguments.Count && !arguments[index].StartsWith("--", StringComparison.Ordinal);

    private static string HintFor(string name)
    {
        string? hint = Spelling.Nearest(name, OptionTable.All.SelectMany(o => o.Names).Select(n => n.Name));
        return hint is null ? "" : $" Did you mean '--{hint}'?";
    }

    private static void ReadEnvironment(IReadOnlyDictionary<string, string> environment, OptionSet options)
    {
        var known = new HashSet<string>(_appVariables);
        foreach (OptionDefinition option in OptionTable.All)
        {
            // Commands are typed, not inherited: an image may well carry NEXUSD_VERSION.
            bool isRead = option.Group != OptionGroup.Command || option == OptionTable.Config;
            bool found = false;
            foreach ((string name, string unit) in option.EnvironmentNames)
            {
                known.Add(name);
                if (!isRead || found || !environment.TryGetValue(name, out string? value) || value.Length == 0)
                {
                    continue;
                }

                if (IsServiceLink(value))
                {
                    options.AddWarning(
                        $"variable {name}={value} looks like a Kubernetes service link and is not used.");
                    continue;
                }

                found = true;
                options.Set(option, value, unit, OptionSource.Environment, $"variable {name}");
            }
        }

        var ours = environment.Keys.Where(n => n.StartsWith(EnvironmentPrefix, StringComparison.Ordinal));
        foreach (string name in ours.Order())
        {
            if (!known.Contains(name) && Spelling.Nearest(name, known) is { } hint)
            {
                options.AddWarning($"variable {name} is not known and not used. Did you mean '{hint}'?");
            }
        }
    }

    /// <summary>
    /// Kubernetes describes every service to every pod by variables such as
    /// <c>NEXUSD_APP_PORT=tcp://10.0.0.7:5672</c>.
    /// </summary>
    private static bool IsServiceLink(string value) =>
        value.StartsWith("tcp://", StringComparison.Ordinal) || value.StartsWith("udp://", StringComparison.Ordinal);
}
