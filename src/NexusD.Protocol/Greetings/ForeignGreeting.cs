namespace NexusD.Protocol.Greetings;

/// <summary>
/// Other protocols that knock at the app port by mistake: how they start, and the readable answer that they get before
/// the close. Source: docs/protocol/app-v1.md "Greeting".
/// </summary>
public static class ForeignGreeting
{
    private const byte TlsHandshake = 0x16;
    private const byte TlsMajorVersion = 0x03;
    private const byte MqttConnect = 0x10;
    private const int MethodBytes = 4;

    private static ReadOnlySpan<byte> Amqp => "AMQP"u8;

    // Four bytes each.
    private static ReadOnlySpan<byte> HttpMethods => "GET POSTPUT HEADOPTIDELEPATCCONNPRI "u8;

    /// <summary>The bytes to send before the close.</summary>
    public static ReadOnlySpan<byte> RefusalFor(GreetingKind kind) => kind switch
    {
        GreetingKind.Amqp =>
            "This is the app port of nexusd, not an AMQP broker. Use a NexusD client, or another port for AMQP.\r\n"u8,
        GreetingKind.Http => HttpRefusal,
        GreetingKind.Tls =>
            "This is the app port of nexusd, which does not speak TLS. Connect without TLS, from this host.\r\n"u8,
        GreetingKind.Mqtt =>
            "This is the app port of nexusd, not an MQTT broker. Use a NexusD client, or another port for MQTT.\r\n"u8,
        _ => "This is the app port of nexusd. The first bytes were not a NexusD greeting; use a NexusD client.\r\n"u8,
    };

    // The length is that of the last line; a test holds it to that.
    private static ReadOnlySpan<byte> HttpRefusal =>
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"u8
        + "Content-Length: 102\r\nConnection: close\r\n\r\n"u8
        + "This is the app port of nexusd, not HTTP. Health and metrics are on ports of their own (8080, 9090).\r\n"u8;

    internal static GreetingKind Detect(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return GreetingKind.NeedMore;
        }

        switch (bytes[0])
        {
            case MqttConnect:
                return GreetingKind.Mqtt;
            case TlsHandshake when bytes.Length == 1:
                return GreetingKind.NeedMore;
            case TlsHandshake when bytes[1] == TlsMajorVersion:
                return GreetingKind.Tls;
        }

        ReadOnlySpan<byte> start = bytes[..Math.Min(bytes.Length, MethodBytes)];
        if (Amqp.StartsWith(start))
        {
            return start.Length < Amqp.Length ? GreetingKind.NeedMore : GreetingKind.Amqp;
        }

        for (int offset = 0; offset < HttpMethods.Length; offset += MethodBytes)
        {
            if (HttpMethods[offset..].StartsWith(start))
            {
                return start.Length < MethodBytes ? GreetingKind.NeedMore : GreetingKind.Http;
            }
        }

        return GreetingKind.Unknown;
    }
}
