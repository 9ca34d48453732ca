using System.Text;

namespace Nexusctl.Arguments;

/// <summary>The help, made from the same table that the parser reads.</summary>
internal static class HelpText
{
    private const int Width = 100;

    internal static string Version =>
        $"nexusctl {typeof(HelpText).Assembly.GetName().Version?.ToString(3) ?? "0"}\n";

    /// <summary>Help for one command; null: the overview.</summary>
    internal static string For(IReadOnlyList<CommandSpec> commands, CommandSpec? command)
    {
        var text = new StringBuilder();
        if (command is null)
        {
            text.Append(
                "Publish, subscribe and look into a nexusd.\n\nUsage: nexusctl COMMAND [OPTIONS]\n\nCommands:\n");
            foreach (var c in commands)
            {
                Entry(text, $"{c.Name} {c.Operands}", c.Summary);
            }

            text.Append("\nOptions of every command:\n");
            Options(text, ArgumentParser.Shared);
            text.Append("\nExit codes:\n");
            Entry(text, "0", "done");
            Entry(text, "1", "something was refused, or a file could not be read");
            Entry(text, "2", "the command line is wrong");
            Entry(text, "3", "--timeout ran out");
            Entry(text, "4", "no daemon could be reached");
            Entry(text, "130", "interrupted before it was done");
            text.Append("\nSee 'nexusctl COMMAND --help'.\n");
            return text.ToString();
        }

        text.Append(command.Summary).Append("\n\nUsage: nexusctl ").Append(command.Name);
        text.Append(command.Operands.Length > 0 ? " " : string.Empty).Append(command.Operands).Append(" [OPTIONS]\n");
        if (command.Details.Length > 0)
        {
            text.Append('\n').Append(command.Details.TrimEnd()).Append('\n');
        }

        text.Append("\nOptions:\n");
        Options(text, ArgumentParser.OptionsOf(command));
        return text.ToString();
    }

    private static void Options(StringBuilder text, IEnumerable<OptionSpec> options)
    {
        foreach (var option in options)
        {
            Entry(text, option.Value is null ? option.Name : $"{option.Name} {option.Value}", option.Text);
        }
    }

    /// <summary>A term and its explanation beside it, wrapped.</summary>
    private static void Entry(StringBuilder text, string term, string explanation)
    {
        const int column = 28;
        text.Append("  ").Append(term);
        var used = term.Length + 2;
        if (used > column - 2)
        {
            text.Append('\n');
            used = 0;
        }

        text.Append(' ', column - used);
        var at = column;
        foreach (var word in explanation.Split(' '))
        {
            if (at > column && at + 1 + word.Length > Width)
            {
                text.Append('\n').Append(' ', column);
                at = column;
            }

            if (at > column)
            {
                text.Append(' ');
                at++;
            }

            text.Append(word);
            at += word.Length;
        }

        text.Append('\n');
    }
}
