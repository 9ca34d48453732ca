namespace NexusdBench.Gate;

/// <summary>How a client publishes.</summary>
internal abstract class GateSender : IDisposable
{
    /// <summary>Takes one event; it may wait until <see cref="Flush"/> or until there are enough of them.</summary>
    internal abstract void Send(int topic, ReadOnlySpan<byte> payload);

    /// <summary>Sends what was taken.</summary>
    internal abstract void Flush();

    public abstract void Dispose();
}
