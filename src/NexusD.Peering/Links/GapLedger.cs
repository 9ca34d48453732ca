using System.Runtime.InteropServices;
using NexusD.Protocol;
using NexusD.Routing;

namespace NexusD.Peering.Links;

/// <summary>Events dropped on their way into a lane of which the peer has not been told yet.</summary>
/// <remarks>Bounded: beyond <see cref="MostPublishers"/> publishers the losses are summed up as publisher 0,
/// "many".</remarks>
internal sealed class GapLedger
{
    internal const int MostPublishers = 1_024;

    private readonly Dictionary<(ulong Publisher, DropReason Reason), Loss> _losses = [];

    public bool IsEmpty => _losses.Count == 0;

    public void Add(ulong publisher, ulong from, ulong to, ulong count, DropReason reason)
    {
        if (!_losses.ContainsKey((publisher, reason)) && _losses.Count >= MostPublishers)
        {
            publisher = from = to = 0;
        }

        ref Loss loss = ref CollectionsMarshal.GetValueRefOrAddDefault(_losses, (publisher, reason), out bool known);
        loss.From = known ? Math.Min(loss.From, from) : from;
        loss.To = Math.Max(loss.To, to);
        loss.Count += count;
    }

    /// <summary>Empties the ledger into <paramref name="take"/>; publisher 0 comes last.</summary>
    public void Drain(string where, Action<GapNotice> take)
    {
        foreach (((ulong publisher, DropReason reason), Loss loss) in _losses)
        {
            take(new GapNotice(publisher, loss.From, loss.To, loss.Count, reason, where));
        }

        _losses.Clear();
    }

    private struct Loss
    {
        public ulong From;
        public ulong To;
        public ulong Count;
    }
}
