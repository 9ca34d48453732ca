namespace NexusD.Peering;

/// <summary>Where a node may be reached, as discovery or a flag named it.</summary>
/// <param name="Host">IP address or host name (1 to 253 characters); a name is resolved again on each try.</param>
/// <param name="Port">UDP port of its mesh endpoint, 1 to 65535.</param>
/// <param name="Source">
/// Who named it: <c>static</c>, <c>multicast</c>, <c>dns</c>, <c>k8s</c>. An address is known while one source names
/// it.
/// </param>
public readonly record struct PeerAddress(string Host, int Port, string Source)
{
    /// <summary>Host and port as a person writes them; an IPv6 address in brackets.</summary>
    public override string ToString() => Host.Contains(':') ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}
