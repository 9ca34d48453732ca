namespace NexusdClient;

/// <summary>
/// Takes one event. Runs on the thread that reads from the daemon: it must not block, and what it looks at is gone when
/// it returns.
/// </summary>
/// <param name="message">The event, borrowed.</param>
public delegate void MessageHandler(in MessageView message);
