namespace Nexusctl.Arguments;

/// <summary>The command line is wrong; the text says how it would be right.</summary>
internal sealed class UsageException(string message) : Exception(message);
