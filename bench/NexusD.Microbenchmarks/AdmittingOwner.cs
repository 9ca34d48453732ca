using NexusD.Peering.Links;

namespace NexusD.Microbenchmarks;

/// <summary>Lets every link go up.</summary>
internal sealed class AdmittingOwner(MeshContext context) : ILinkOwner
{
    public int MeshPort => 1;

    public void Connected(PeerLink link)
    {
    }

    public LinkFault Admit(PeerLink link)
    {
        link.GoUp(new PeerChannel(context, link.PeerId));
        return LinkFault.None;
    }

    public void Gone(PeerLink link, LinkEnd end) => throw new InvalidOperationException(end.Reason);

    public void WakeBy(long dueNs)
    {
    }
}
