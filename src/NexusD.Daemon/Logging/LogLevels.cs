using Microsoft.Extensions.Logging;

namespace NexusD.Daemon.Logging;

/// <summary>The levels of the option --log-level as the logging library names them.</summary>
internal static class LogLevels
{
    /// <summary>TRACE to FATAL.</summary>
    public static LogLevel Parse(string name) => name switch
    {
        "TRACE" => LogLevel.Trace,
        "DEBUG" => LogLevel.Debug,
        "WARN" => LogLevel.Warning,
        "ERROR" => LogLevel.Error,
        "FATAL" => LogLevel.Critical,
        _ => LogLevel.Information,
    };
}
