namespace Nexusctl.Arguments;

/// <summary>
/// Takes a command line apart: <c>--name value</c>, <c>--name=value</c>, options anywhere, <c>--</c> ends them. What is
/// not known is refused with the nearest thing that is.
/// </summary>
internal static class ArgumentParser
{
    /// <summary>Options that every command has.</summary>
    internal static readonly OptionSpec[] Shared =
    [
        new("--addr", "ADDRESS", "The daemon: unix:PATH or HOST:PORT. Default: $NEXUSD_ADDR, else the default socket, "
            + "else localhost:5672."),
        new("--connect-timeout", "TIME", "Keep trying to connect for so long. Default: give up when nothing is there."),
        new("--help", null, "Show help and stop."),
        new("--version", null, "Show the version and stop."),
    ];

    /// <exception cref="UsageException">The command line is wrong.</exception>
    internal static ParsedCommand Parse(IReadOnlyList<CommandSpec> commands, string[] args)
    {
        var (words, switches) = Split(commands, args);
        if (switches.ContainsKey("--version"))
        {
            return new ParsedCommand(commands[0], [], switches, HelpText.Version);
        }

        if (words.Count == 0 || words[0] == "help")
        {
            var about = words.Count > 1 ? Find(commands, words[1]) : null;
            return words.Count > 0 || switches.ContainsKey("--help")
                ? new ParsedCommand(commands[0], [], switches, HelpText.For(commands, about))
                : throw new UsageException("no command was given.\n\n" + HelpText.For(commands, null));
        }

        var command = Find(commands, words[0]);
        if (switches.ContainsKey("--help"))
        {
            return new ParsedCommand(command, [], switches, HelpText.For(commands, command));
        }

        foreach (var name in switches.Keys)
        {
            if (!OptionsOf(command).Any(o => o.Name == name))
            {
                throw UnknownOption(command, name);
            }
        }

        var operands = words[1..];
        if (operands.Count < command.MinOperands || operands.Count > command.MaxOperands)
        {
            throw new UsageException(
                (operands.Count < command.MinOperands
                    ? $"{command.Name} needs {command.Operands}."
                    : $"{command.Name} does not know what to do with '{operands[command.MaxOperands]}'.")
                + $"\nUsage: nexusctl {command.Name} {command.Operands}\nSee 'nexusctl {command.Name} --help'.");
        }

        return new ParsedCommand(command, operands, switches, null);
    }

    internal static IEnumerable<OptionSpec> OptionsOf(CommandSpec command) => command.Options.Concat(Shared);

    private static (List<string> Words, Dictionary<string, string?> Options) Split(
        IReadOnlyList<CommandSpec> commands, string[] args)
    {
        var words = new List<string>();
        var options = new Dictionary<string, string?>(StringComparer.Ordinal);
        for (var i = 0; i < args.Length; i++)
        {
            var arg = args[i];
            if (arg == "--")
            {
                words.AddRange(args[(i + 1)..]);
                break;
            }

            if (arg == "-h")
            {
                arg = "--help";
            }

            // A dash alone is standard input; a dash and a digit is a negative number to publish.
            if (!arg.StartsWith('-') || arg.Length == 1 || char.IsAsciiDigit(arg[1]))
            {
                words.Add(arg);
                continue;
            }

            var equals = arg.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? arg : arg[..equals];
            var spec = FindOption(commands, words, name);
            string? value = null;
            if (spec.Value is null && equals >= 0)
            {
                throw new UsageException($"{name} takes no value; write it without '{arg[equals..]}'.");
            }

            if (spec.Value is not null)
            {
                value = equals >= 0 ? arg[(equals + 1)..]
                    : ++i < args.Length ? args[i]
                    : throw new UsageException($"{name} needs a value: {name} {spec.Value}.");
            }

            options[name] = value;
        }

        return (words, options);
    }

    private static OptionSpec FindOption(IReadOnlyList<CommandSpec> commands, List<string> words, string name)
    {
        // Before the command is known, an option of any command may come.
        var command = words.Count > 0 && words[0] != "help" ? Find(commands, words[0]) : null;
        var known = command is not null ? OptionsOf(command) : commands.SelectMany(OptionsOf);
        return known.FirstOrDefault(o => o.Name == name) ?? throw UnknownOption(command, name);
    }

    private static CommandSpec Find(IReadOnlyList<CommandSpec> commands, string name)
    {
        var command = commands.FirstOrDefault(c => c.Name == name);
        if (command is not null)
        {
            return command;
        }

        var near = Nearest.Find(name, commands.Select(c => c.Name));
        throw new UsageException(
            $"there is no command '{name}'."
            + (near is null ? string.Empty : $" Did you mean '{near}'?")
            + $"\nCommands: {string.Join(", ", commands.Select(c => c.Name))}. See 'nexusctl --help'.");
    }

    private static UsageException UnknownOption(CommandSpec? command, string name)
    {
        var known = command is null ? Shared : OptionsOf(command);
        var near = Nearest.Find(name, known.Select(o => o.Name));
        var where = command is null ? string.Empty : command.Name + " ";
        return new UsageException(
            $"{where}has no option '{name}'."
            + (near is null ? string.Empty : $" Did you mean '{near}'?")
            + $"\nSee 'nexusctl {where}--help'; to publish text that starts with a dash, put '--' before it.");
    }
}
