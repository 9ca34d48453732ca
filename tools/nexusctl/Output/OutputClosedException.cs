namespace Nexusctl.Output;

/// <summary>Nobody reads standard output any more, as when it is piped into <c>head</c>. Not a failure.</summary>
internal sealed class OutputClosedException : Exception;
