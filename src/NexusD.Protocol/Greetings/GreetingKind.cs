namespace NexusD.Protocol.Greetings;

/// <summary>What the first bytes of a connection to the app port say (docs/protocol/app-v1.md "Greeting").</summary>
public enum GreetingKind : byte
{
    /// <summary>Nothing is decided; more bytes must come.</summary>
    NeedMore = 0,

    /// <summary>A whole NexusD greeting.</summary>
    NexusD = 1,
    Amqp = 2,
    Http = 3,
    Tls = 4,
    Mqtt = 5,

    /// <summary>None of these.</summary>
    Unknown = 6,
}
