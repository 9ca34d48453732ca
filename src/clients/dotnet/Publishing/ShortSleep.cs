// tidy: allow blocking-call - a publisher that is ahead gives its core away for microseconds, on its own thread.
using System.Runtime.InteropServices;

namespace NexusdClient.Publishing;

/// <summary>Sleeps for less than the millisecond that .NET's own waits are made of.</summary>
internal static class ShortSleep
{
    internal static void Microseconds(int microseconds)
    {
        if (!OperatingSystem.IsLinux() || Usleep((uint)microseconds) != 0)
        {
            Thread.Sleep(1);
        }
    }

    [DllImport("libc", EntryPoint = "usleep")]
    private static extern int Usleep(uint microseconds);
}
