using System.Text.Unicode;

namespace NexusD.Protocol;

/// <summary>Text on the wire: UTF-8 without NUL, within a length (docs/protocol/README.md "Notation").</summary>
public static class WireText
{
    /// <summary>True when the bytes are well-formed UTF-8 without NUL and between the two lengths.</summary>
    public static bool IsValid(ReadOnlySpan<byte> utf8, int minBytes, int maxBytes) =>
        utf8.Length >= minBytes && utf8.Length <= maxBytes && !utf8.Contains((byte)0) && Utf8.IsValid(utf8);
}
