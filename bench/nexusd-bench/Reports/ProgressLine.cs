using System.Globalization;

namespace NexusdBench;

/// <summary>
/// One line that tells how a run goes, written over itself; nothing where standard output is no terminal.
/// </summary>
internal sealed class ProgressLine
{
    private const string ClearLine = "\r\u001b[K";

    private readonly TextWriter? _terminal;

    /// <param name="terminal">Where to write; null: nowhere.</param>
    internal ProgressLine(TextWriter? terminal) => _terminal = terminal;

    /// <summary>How long to wait between two lines.</summary>
    internal static TimeSpan Interval { get; } = TimeSpan.FromMilliseconds(250);

    internal static ProgressLine ForConsole() => new(Console.IsOutputRedirected ? null : Console.Out);

    internal void Say(string text) => Write($"{ClearLine}{text}");

    internal void Show(string title, double seconds, double of, double events, double deliveries) =>
        Write(string.Create(
            CultureInfo.InvariantCulture,
            $"{ClearLine}{title}  {seconds:0.0}/{of:0} s  {events:N0} events/s  {deliveries:N0} deliveries/s"));

    internal void Clear() => Write(ClearLine);

    private void Write(string text)
    {
        _terminal?.Write(text);
        _terminal?.Flush();
    }
}
