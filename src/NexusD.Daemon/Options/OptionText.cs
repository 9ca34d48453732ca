using System.Text;

namespace NexusD.Daemon.Options;

/// <summary>What <c>--help</c> and <c>--check-config</c> print.</summary>
internal static class OptionText
{
    private const string Introduction = """
        Usage: nexusd [--NAME=VALUE]...

        The daemon of a brokerless publish/subscribe mesh: apps on this host connect to it, it links up with the
        other nodes of its cluster. Without options it is a node of the cluster 'default'.

        Each option may also be given as --NAME VALUE, as a variable (--mesh-port is NEXUSD_MESH_PORT) or in the file
        of --config. A flag goes before a variable, a variable before the file.
        """;

    private const int HelpColumn = 34;
    private const int Width = 110;

    private static readonly (OptionGroup Group, string Title)[] _titles =
    [
        (OptionGroup.Node, "Node"),
        (OptionGroup.Apps, "Apps"),
        (OptionGroup.Mesh, "Mesh"),
        (OptionGroup.Discovery, "Discovery"),
        (OptionGroup.Security, "Security"),
        (OptionGroup.Http, "Health and metrics"),
        (OptionGroup.Logging, "Logging"),
        (OptionGroup.Limits, "Limits"),
        (OptionGroup.Command, "Commands"),
    ];

    /// <summary>The help text.</summary>
    public static string Help()
    {
        var text = new StringBuilder();
        text.AppendLine(Introduction);
        foreach ((OptionGroup group, string title) in _titles)
        {
            text.AppendLine().AppendLine(title);
            foreach (OptionDefinition option in OptionTable.All.Where(o => o.Group == group))
            {
                AppendOption(text, option);
            }
        }

        return text.ToString();
    }

    /// <summary>Every option in force with its value and where it comes from.</summary>
    public static string Effective(OptionSet options)
    {
        OptionDefinition[] shown = [.. OptionTable.All.Where(o => o.Group != OptionGroup.Command)];
        string[] values = [.. shown.Select(o => $"{o.Name} = {ValueOf(options, o)}")];
        int column = Math.Min(60, values.Max(v => v.Length)) + 2;
        var text = new StringBuilder();
        for (int i = 0; i < shown.Length; i++)
        {
            text.Append(values[i].PadRight(column)).Append('(').Append(options.OriginOf(shown[i])).AppendLine(")");
        }

        return text.ToString();
    }

    private static string ValueOf(OptionSet options, OptionDefinition option) =>
        option == OptionTable.NodeName ? OptionRules.NodeNameOf(options)
        : option == OptionTable.Discovery ? string.Join(',', OptionRules.DiscoveryOf(options))
        : options.TextOf(option);

    private static void AppendOption(StringBuilder text, OptionDefinition option)
    {
        string left = "  --" + option.Name + (option.Placeholder.Length > 0 ? "=" + option.Placeholder : string.Empty);
        bool hasDefault = option.Default.Length > 0 && !option.IsSwitch;
        string right = hasDefault ? $"{option.Help} [{option.Default}]" : option.Help;
        text.Append(left.PadRight(HelpColumn - 1)).Append(' ');
        int used = Math.Max(HelpColumn, left.Length + 1);
        foreach (string word in right.Split(' '))
        {
            if (used + word.Length > Width)
            {
                text.Length--; // the blank after the last word
                text.AppendLine().Append(' ', HelpColumn);
                used = HelpColumn;
            }

            text.Append(word).Append(' ');
            used += word.Length + 1;
        }

        while (text[^1] == ' ')
        {
            text.Length--;
        }

        text.AppendLine();
    }
}
