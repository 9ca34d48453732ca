using System.Globalization;

namespace NexusD.Daemon.Options;

/// <summary>A port to listen on: a number (0: any free one), or off.</summary>
/// <param name="IsOff">Nothing is to listen.</param>
/// <param name="Number">0 to 65535.</param>
internal readonly record struct ListenPort(bool IsOff, int Number)
{
    /// <inheritdoc/>
    public override string ToString() => IsOff ? "off" : Number.ToString(CultureInfo.InvariantCulture);
}
