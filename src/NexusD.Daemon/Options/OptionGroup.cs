namespace NexusD.Daemon.Options;

/// <summary>Headings of the help text, in its order.</summary>
internal enum OptionGroup
{
    Node,
    Apps,
    Mesh,
    Discovery,
    Security,
    Http,
    Logging,
    Limits,
    Command,
}
