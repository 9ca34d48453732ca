using System.Text;

namespace NexusdClient.Receiving;

/// <summary>A topic as the daemon named it.</summary>
internal sealed class InboundTopic(byte[] utf8)
{
    internal byte[] Utf8 { get; } = utf8;

    internal string Text { get; } = Encoding.UTF8.GetString(utf8);
}
