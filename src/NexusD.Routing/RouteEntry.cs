namespace NexusD.Routing;

/// <summary>One target of one topic, with room for what the target wants to remember about that topic.</summary>
/// <remarks>
/// <see cref="Alias"/> and <see cref="AliasEpoch"/> belong to the target: the router sets them to 0 when the entry is
/// new, keeps them while the target stays a target of the topic, and never reads them.
/// </remarks>
public struct RouteEntry
{
    /// <summary>Value of <see cref="AliasEpoch"/> in an entry that is gone after the call.</summary>
    private const uint Transient = uint.MaxValue;

    /// <summary>Who gets the events.</summary>
    public DeliveryTarget Target { get; internal set; }

    /// <summary>The alias under which the target knows the topic; 0: none yet.</summary>
    public uint Alias { get; set; }

    /// <summary>The target's mark of validity for <see cref="Alias"/>: any value below 2^32 - 1.</summary>
    public uint AliasEpoch { get; set; }

    /// <summary>
    /// False where the entry does not outlive the call: what the target writes into it is forgotten, so it should send
    /// the topic as text rather than declare an alias for each run.
    /// </summary>
    public readonly bool RemembersAlias => AliasEpoch != Transient;

    internal static RouteEntry ForOneCall(DeliveryTarget target) => new() { Target = target, AliasEpoch = Transient };
}
