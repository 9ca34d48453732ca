using System.Text;

namespace NexusD.Peering.Links;

/// <summary>
/// A peer's words for our log: cut, and without control characters that could forge lines or drive a terminal.
/// </summary>
internal static class PrintableText
{
    private const int MostBytes = 256;

    public static string Of(ReadOnlySpan<byte> utf8)
    {
        char[] text = Encoding.UTF8.GetString(utf8[..Math.Min(utf8.Length, MostBytes)]).ToCharArray();
        for (int i = 0; i < text.Length; i++)
        {
            text[i] = char.IsControl(text[i]) ? ' ' : text[i];
        }

        return new string(text);
    }
}
