using NexusD.Protocol;

namespace NexusD.Routing;

/// <summary>Hears of events that queues of this node dropped, to tell their publisher.</summary>
public interface ILossListener
{
    /// <summary>
    /// Events of a publisher with consecutive numbers were dropped for one subscription or link. Must neither throw nor
    /// publish.
    /// </summary>
    void OnLost(ulong publisher, ulong number, int count, DropReason reason);
}
