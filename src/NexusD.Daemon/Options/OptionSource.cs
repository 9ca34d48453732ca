namespace NexusD.Daemon.Options;

/// <summary>Where a value came from; a later one goes before an earlier one.</summary>
internal enum OptionSource
{
    Default,
    File,
    Environment,
    Flag,
}
