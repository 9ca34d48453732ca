namespace NexusD.Daemon.Options;

/// <summary>
/// One line of the option table: what flags, environment, configuration file, help and documentation all say about an
/// option. The value's type is known to <see cref="Option{T}"/>.
/// </summary>
internal abstract class OptionDefinition
{
    /// <summary>Name without dashes in front: <c>mesh-port</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Heading under which help lists it.</summary>
    public required OptionGroup Group { get; init; }

    /// <summary>What stands for the value in help: <c>PORT</c>; empty for an option that needs no value.</summary>
    public required string Placeholder { get; init; }

    /// <summary>Default as it would be written; empty when there is none.</summary>
    public required string Default { get; init; }

    /// <summary>What it is for, without a full stop at the end.</summary>
    public required string Help { get; init; }

    /// <summary>What values are valid, as the end of the sentence "valid is ...".</summary>
    public required string Valid { get; init; }

    /// <summary>The words that the value may be, for the hint in an error; empty when it is free.</summary>
    public string[] Choices { get; init; } = [];

    /// <summary>Other spellings of the name, without dashes.</summary>
    public string[] Aliases { get; init; } = [];

    /// <summary>Further environment variables beside the one made from the name.</summary>
    public string[] EnvironmentAliases { get; init; } = [];

    /// <summary>Whether the value is a comma list; flags given several times then add up.</summary>
    public bool IsList { get; init; }

    /// <summary>Whether it may stand alone (<c>--metrics-enabled</c>).</summary>
    public bool IsSwitch { get; init; }

    /// <summary>Whether it is a length of time, and so also has the name NAME-ms that takes a bare number.</summary>
    public bool IsDuration { get; init; }

    /// <summary>The environment variable: <c>NEXUSD_MESH_PORT</c>.</summary>
    public string EnvironmentName => EnvironmentNameOf(Name);

    /// <summary>
    /// The names it goes by in flags and in the file, with the unit that a bare number has under each.
    /// </summary>
    public IEnumerable<(string Name, string Unit)> Names =>
        new[] { Name }.Concat(Aliases).SelectMany(n =>
            IsDuration ? [(n, string.Empty), (n + "-ms", "ms")] : new[] { (n, string.Empty) });

    /// <summary>The environment variables it is read from, the first one that is set counts.</summary>
    public IEnumerable<(string Name, string Unit)> EnvironmentNames =>
        Names.Select(n => (EnvironmentNameOf(n.Name), n.Unit))
            .Concat(EnvironmentAliases.Select(n => (n, string.Empty)));

    /// <summary>Reads a value as it was written; false when it is not valid.</summary>
    public abstract bool TryRead(string text, out object? value);

    private static string EnvironmentNameOf(string name) =>
        "NEXUSD_" + name.ToUpperInvariant().Replace('-', '_');
}
