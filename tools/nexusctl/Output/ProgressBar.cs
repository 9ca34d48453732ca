using System.Diagnostics;
using System.Globalization;

namespace Nexusctl.Output;

/// <summary>One line on a terminal that tells how far a long input is. Silent where nobody would see it.</summary>
internal sealed class ProgressBar(TextWriter terminal, bool isTerminal, long totalBytes)
{
    private const int RedrawMilliseconds = 100;
    private const int Cells = 30;

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private long _drawnAt;
    private bool _drawn;

    /// <summary>Draws at most ten times a second.</summary>
    internal void Show(long bytes, long events)
    {
        var now = _clock.ElapsedMilliseconds;
        if (!isTerminal || now - _drawnAt < RedrawMilliseconds)
        {
            return;
        }

        _drawnAt = now;
        _drawn = true;
        terminal.Write('\r' + Line(bytes, totalBytes, events, _clock.Elapsed) + "\u001b[K");
    }

    /// <summary>Takes the line away.</summary>
    internal void Clear()
    {
        if (_drawn)
        {
            terminal.Write("\r\u001b[K");
            _drawn = false;
        }
    }

    internal static string Line(long bytes, long totalBytes, long events, TimeSpan elapsed)
    {
        var rate = events / Math.Max(elapsed.TotalSeconds, 0.001);
        var counts = string.Create(CultureInfo.InvariantCulture, $"{events:N0} events, {rate:N0}/s");
        if (totalBytes <= 0)
        {
            return counts;
        }

        var part = Math.Clamp((double)bytes / totalBytes, 0, 1);
        var full = (int)(part * Cells);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"[{new string('#', full)}{new string('.', Cells - full)}] {part * 100,3:0} %  {counts}");
    }
}
