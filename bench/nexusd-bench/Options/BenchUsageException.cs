namespace NexusdBench;

/// <summary>The command line is wrong; the text says how it would be right.</summary>
internal sealed class BenchUsageException(string message) : Exception(message);
