using Microsoft.Extensions.Logging;

namespace NexusD.Daemon.Logging;

/// <summary>The logger of one part of the daemon; lines go to the <see cref="LogWriter"/>.</summary>
internal sealed class SourceLogger(LogWriter writer, string source, LogLevel least) : ILogger
{
    public bool IsEnabled(LogLevel logLevel) => logLevel >= least && logLevel != LogLevel.None;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel))
        {
            return;
        }

        string message = formatter(state, exception);
        string whole = exception is null ? message : $"{message}: {exception}";
        writer.Write(logLevel, source, eventId, whole, state as IReadOnlyList<KeyValuePair<string, object?>>);
    }
}
