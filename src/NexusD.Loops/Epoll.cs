using System.ComponentModel;
using System.Runtime.InteropServices;

namespace NexusD.Loops;

/// <summary>
/// epoll(7) and eventfd(2) as they are; every failure that is not a normal outcome becomes a Win32Exception.
/// </summary>
internal static unsafe class Epoll
{
    public const int CtlAdd = 1;
    public const int CtlDel = 2;
    public const int CtlMod = 3;

    private const int CloseOnExec = 0x80000;
    private const int NonBlocking = 0x800;
    private const int NotPermitted = 1;
    private const int Interrupted = 4;
    private const int NoSuchCall = 38;

    /// <summary>Linux before 5.11 and some containers' system call filters do not have epoll_pwait2(2).</summary>
    private static volatile bool _onlyMilliseconds;

    /// <summary>struct epoll_event, packed on x86-64 (linux/eventpoll.h).</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    public struct Event
    {
        public uint Events;
        public ulong Data;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    public static int Create() => Check(epoll_create1(CloseOnExec), "epoll_create1");

    public static int CreateWakeFd() => Check(eventfd(0, CloseOnExec | NonBlocking), "eventfd");

    public static void Control(int epoll, int operation, int fd, uint events, ulong data)
    {
        var entry = new Event { Events = events, Data = data };
        Check(epoll_ctl(epoll, operation, fd, &entry), "epoll_ctl");
    }

    /// <summary>
    /// Waits at most <paramref name="timeoutNs"/> (0: looks only; negative: for ever). Returns the number of events; 0
    /// also when interrupted.
    /// </summary>
    public static int Wait(int epoll, Event* events, int capacity, long timeoutNs)
    {
        int count;
        if (timeoutNs == 0 || _onlyMilliseconds)
        {
            count = epoll_wait(epoll, events, capacity, ToMilliseconds(timeoutNs));
        }
        else
        {
            var timeout = new TimeSpec { Seconds = timeoutNs / 1_000_000_000, Nanoseconds = timeoutNs % 1_000_000_000 };
            count = epoll_pwait2(epoll, events, capacity, timeoutNs < 0 ? null : &timeout, null);
        }

        if (count >= 0)
        {
            return count;
        }

        int error = Marshal.GetLastSystemError();
        if (!_onlyMilliseconds && timeoutNs != 0 && error is NoSuchCall or NotPermitted)
        {
            _onlyMilliseconds = true; // the caller's next turn waits the coarse way
            return 0;
        }

        return error == Interrupted ? 0 : throw new Win32Exception(error, "epoll_wait failed");
    }

    /// <summary>Stays away for so long; a signal may end it early.</summary>
    public static void Pause(long nanoseconds)
    {
        var time = new TimeSpec { Seconds = nanoseconds / 1_000_000_000, Nanoseconds = nanoseconds % 1_000_000_000 };
        _ = nanosleep(&time, null);
    }

    /// <summary>Rounded up: waking before a timer is due would spin.</summary>
    private static int ToMilliseconds(long nanoseconds) =>
        nanoseconds < 0 ? -1 : (int)Math.Min(int.MaxValue, (nanoseconds + 999_999) / 1_000_000);

    public static void Wake(int wakeFd)
    {
        ulong one = 1;
        _ = write(wakeFd, &one, sizeof(ulong));
    }

    public static void ClearWake(int wakeFd)
    {
        ulong value;
        _ = read(wakeFd, &value, sizeof(ulong));
    }

    public static void Close(int fd) => _ = close(fd);

    private static int Check(int result, string call) =>
        result >= 0 ? result : throw new Win32Exception(Marshal.GetLastSystemError(), $"{call} failed");

    [DllImport("libc")]
    private static extern int epoll_create1(int flags);

    [DllImport("libc")]
    private static extern int epoll_ctl(int epoll, int operation, int fd, Event* entry);

    [DllImport("libc")]
    private static extern int epoll_wait(int epoll, Event* events, int capacity, int timeoutMs);

    [DllImport("libc")]
    private static extern int epoll_pwait2(int epoll, Event* events, int capacity, TimeSpec* timeout, void* signals);

    [DllImport("libc")]
    private static extern int nanosleep(TimeSpec* time, TimeSpec* left);

    [DllImport("libc")]
    private static extern int eventfd(uint initial, int flags);

    [DllImport("libc")]
    private static extern nint read(int fd, void* buffer, nuint count);

    [DllImport("libc")]
    private static extern nint write(int fd, void* buffer, nuint count);

    [DllImport("libc")]
    private static extern int close(int fd);
}
