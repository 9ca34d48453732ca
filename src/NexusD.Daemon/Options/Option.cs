namespace NexusD.Daemon.Options;

/// <summary>Reads a value as it was written; false when it is not valid.</summary>
internal delegate bool OptionReader<T>(string text, out T value);

/// <summary>An option whose values are of type <typeparamref name="T"/>.</summary>
internal sealed class Option<T> : OptionDefinition
{
    /// <summary>How a value is read.</summary>
    public required OptionReader<T> Reader { get; init; }

    /// <inheritdoc/>
    public override bool TryRead(string text, out object? value)
    {
        bool valid = Reader(text, out T read);
        value = read;
        return valid;
    }
}
