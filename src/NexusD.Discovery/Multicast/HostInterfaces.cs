using System.Net;
using System.Runtime.InteropServices;

namespace NexusD.Discovery.Multicast;

/// <summary>The host's IPv4 interfaces (getifaddrs(3)), and which of them beacons use.</summary>
internal static unsafe class HostInterfaces
{
    private const uint Up = 0x1;
    private const uint Loopback = 0x8;
    private const uint Running = 0x40;
    private const uint Multicast = 0x1000;
    private const ushort Ipv4 = 2;

    /// <summary>struct ifaddrs (ifaddrs.h).</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Entry
    {
        public Entry* Next;
        public byte* Name;
        public uint Flags;
        public byte* Address;
        public byte* Mask;
        public byte* Other;
        public void* Data;
    }

    /// <summary>All interfaces that are up and have an IPv4 address; empty when the kernel does not tell.</summary>
    public static IReadOnlyList<HostInterface> List()
    {
        var found = new List<HostInterface>();
        Entry* first;
        if (getifaddrs(&first) != 0)
        {
            return found;
        }

        for (Entry* entry = first; entry != null; entry = entry->Next)
        {
            bool usable = (entry->Flags & Up) != 0 && entry->Address != null && *(ushort*)entry->Address == Ipv4;
            int index = usable ? (int)if_nametoindex(entry->Name) : 0;
            if (index > 0)
            {
                found.Add(new HostInterface(
                    Marshal.PtrToStringUTF8((nint)entry->Name)!,
                    index,
                    new IPAddress(new ReadOnlySpan<byte>(entry->Address + 4, 4)), // sin_addr
                    (entry->Flags & Loopback) != 0,
                    (entry->Flags & Running) != 0,
                    (entry->Flags & Multicast) != 0));
            }
        }

        freeifaddrs(first);
        return found;
    }

    /// <summary>
    /// Those that beacons use, one entry for each interface: the ones named (by name or address), or all that can
    /// multicast,
    /// and loopback when none of those is running.
    /// </summary>
    public static IReadOnlyList<HostInterface> Choose(IReadOnlyList<HostInterface> all, IReadOnlyList<string> named)
    {
        IEnumerable<HostInterface> chosen;
        if (named.Count > 0)
        {
            chosen = all.Where(i => named.Contains(i.Name) || named.Contains(i.Address.ToString()));
        }
        else
        {
            HostInterface[] outward = [.. all.Where(i => i.CanMulticast && !i.IsLoopback)];
            chosen = outward.Any(i => i.IsRunning) ? outward : outward.Concat(all.Where(i => i.IsLoopback));
        }

        return [.. chosen.DistinctBy(i => i.Index)];
    }

    [DllImport("libc")]
    private static extern int getifaddrs(Entry** first);

    [DllImport("libc")]
    private static extern void freeifaddrs(Entry* first);

    [DllImport("libc")]
    private static extern uint if_nametoindex(byte* name);
}
