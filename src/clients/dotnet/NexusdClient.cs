namespace NexusdClient;

/// <summary>
/// The same client as <see cref="Client"/> under the name that the use cases write. C# lets a type share its
/// namespace's name only where the <c>using</c> stands inside a namespace block; elsewhere write <see cref="Client"/>.
/// </summary>
public sealed class NexusdClient : Client
{
    /// <inheritdoc cref="Client(string, ClientOptions)"/>
    public NexusdClient(string? address = null, ClientOptions? options = null)
        : base(address, options)
    {
    }
}
