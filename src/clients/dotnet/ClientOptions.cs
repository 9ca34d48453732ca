namespace NexusdClient;

/// <summary>How a client connects and buffers. The defaults fit a sidecar on the same host.</summary>
public sealed class ClientOptions
{
    /// <summary>Shown in <c>nexusctl clients</c>; null: the name of the process. At most 128 bytes of UTF-8.</summary>
    public string? ClientName { get; init; }

    /// <summary>Proof of identity where the daemon asks for one; at most 1,024 bytes.</summary>
    public byte[]? Token { get; init; }

    /// <summary>Bytes of events that wait to be sent or acknowledged, 1 MiB to 1 GiB. Default 8 MiB.</summary>
    public int PublishBufferBytes { get; init; } = 8 << 20;

    /// <summary>
    /// How long events may wait for more of them, 0 to 1 s. Zero, the default, sends at once while little is
    /// published; a millisecond saves most of the CPU time of a steady stream of some thousand events a second. Adds to
    /// the wait for acknowledgements.
    /// </summary>
    public TimeSpan PublishDelay { get; init; } = TimeSpan.Zero;

    /// <summary>What <c>Publish</c> does when the daemon is away and the buffer is full.</summary>
    public BufferFullMode WhenBufferFull { get; init; } = BufferFullMode.ReturnFalse;

    /// <summary>Time for one attempt to connect and greet. Default 5 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Longest wait for the acknowledgement of <c>PublishAsync</c>. Default 30 s; infinite is allowed.
    /// </summary>
    public TimeSpan AcknowledgeTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Longest time that disposing waits for buffered events to be sent. Default 5 s.</summary>
    public TimeSpan CloseTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Upper bound of the first wait before a new attempt. Default 100 ms.</summary>
    public TimeSpan ReconnectMinimum { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Upper bound of every later wait; the bound doubles up to here. Default 30 s.</summary>
    public TimeSpan ReconnectMaximum { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Silence after which the daemon is asked for a sign of life; three unanswered end the connection. Default 10 s.
    /// </summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Called with what an event handler of the application threw; null: such exceptions are dropped.
    /// </summary>
    public Action<Exception>? HandlerFailed { get; init; }

    internal static ClientOptions Default { get; } = new();

    internal void Check()
    {
        CheckRange(PublishBufferBytes, 1 << 20, 1 << 30, nameof(PublishBufferBytes));
        if (PublishDelay < TimeSpan.Zero || PublishDelay > TimeSpan.FromSeconds(1))
        {
            throw new ArgumentOutOfRangeException(
                nameof(PublishDelay), PublishDelay, "PublishDelay must be from 0 to 1 s.");
        }

        CheckPositive(ConnectTimeout, nameof(ConnectTimeout));
        CheckPositive(CloseTimeout, nameof(CloseTimeout));
        CheckPositive(ReconnectMinimum, nameof(ReconnectMinimum));
        CheckPositive(ReconnectMaximum, nameof(ReconnectMaximum));
        CheckPositive(KeepAlive, nameof(KeepAlive));
        if (AcknowledgeTimeout != Timeout.InfiniteTimeSpan)
        {
            CheckPositive(AcknowledgeTimeout, nameof(AcknowledgeTimeout));
        }

        if (Token is { Length: > 1024 })
        {
            throw new ArgumentException($"Token has {Token.Length} bytes; at most 1,024 are allowed.");
        }
    }

    private static void CheckRange(int value, int min, int max, string name)
    {
        if (value < min || value > max)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be from {min} to {max} bytes.");
        }
    }

    private static void CheckPositive(TimeSpan value, string name)
    {
        if (value <= TimeSpan.Zero || value.TotalMilliseconds > int.MaxValue)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be above 0 and at most 24 days.");
        }
    }
}
