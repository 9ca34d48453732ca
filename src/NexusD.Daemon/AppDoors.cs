using System.ComponentModel;
using System.Net;
using Microsoft.Extensions.Logging;
using NexusD.Daemon.Logging;
using NexusD.Daemon.Options;
using NexusD.Sessions;
using NexusD.Transport;

namespace NexusD.Daemon;

/// <summary>Opens the ways in for apps: the Unix socket and the TCP addresses.</summary>
internal static class AppDoors
{
    private const string SystemFolder = "/run/nexusd";
    private const string FileName = "nexusd.sock";

    /// <summary>
    /// Everybody on this host may connect, as to the TCP port beside it; what an app may do is not a matter of the
    /// file.
    /// </summary>
    private const UnixFileMode Everybody = UnixFileMode.UserRead | UnixFileMode.UserWrite
        | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    /// <summary>Opens what the options ask for; returns the addresses as clients write them.</summary>
    /// <exception cref="StartException">A door that was asked for cannot be opened, or none could be.</exception>
    public static IReadOnlyList<string> Open(AppListener listener, OptionSet options, ILogger log)
    {
        try
        {
            return OpenAll(listener, options, log);
        }
        catch (StartException)
        {
            listener.Dispose(); // takes the socket file away
            throw;
        }
    }

    private static List<string> OpenAll(AppListener listener, OptionSet options, ILogger log)
    {
        var addresses = new List<string>();
        if (OpenUnix(listener, options, log) is { } unix)
        {
            addresses.Add($"unix:{unix.UnixPath}");
        }

        foreach (StreamListener tcp in OpenTcp(listener, options, log))
        {
            addresses.Add($"tcp:{tcp.TcpEndPoint}");
        }

        return addresses.Count > 0
            ? addresses
            : throw new StartException("apps have no way in; name one with --app-socket or --app-port.");
    }

    private static StreamListener? OpenUnix(AppListener listener, OptionSet options, ILogger log)
    {
        string path = options.Get(OptionTable.AppSocket);
        if (path.Equals("off", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        if (!path.Equals("auto", StringComparison.OrdinalIgnoreCase))
        {
            try
            {
                return listener.ListenUnix(path, Everybody);
            }
            catch (Exception e) when (IsRefusal(e))
            {
                throw new StartException($"--app-socket={path}: {Sentence(e)} Choose another path, or off.");
            }
        }

        var reasons = new List<string>();
        foreach (string folder in CandidateFolders())
        {
            try
            {
                Directory.CreateDirectory(folder);
                return listener.ListenUnix(Path.Combine(folder, FileName), Everybody);
            }
            catch (Exception e) when (IsRefusal(e))
            {
                reasons.Add(Sentence(e));
            }
        }

        DaemonLog.NoAppSocket(log, $"{string.Join(" ", reasons)} Choose a path with --app-socket.");
        return null;
    }

    private static IEnumerable<string> CandidateFolders()
    {
        yield return SystemFolder;
        if (Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } folder)
        {
            yield return folder;
        }
    }

    private static List<StreamListener> OpenTcp(AppListener listener, OptionSet options, ILogger log)
    {
        var opened = new List<StreamListener>();
        ListenPort port = options.Get(OptionTable.AppPort);
        if (port.IsOff)
        {
            return opened;
        }

        int number = port.Number;
        foreach (IPAddress address in options.Get(OptionTable.AppBind))
        {
            try
            {
                opened.Add(listener.ListenTcp(new IPEndPoint(address, number)));
                number = opened[0].TcpEndPoint!.Port; // a free port is the same on every address
            }
            catch (Exception e) when (IsRefusal(e))
            {
                // A host without IPv6, or the other address of a free port taken: one of several is enough.
                if (opened.Count == 0 || (port.Number != 0 && options.IsSet(OptionTable.AppBind)))
                {
                    throw new StartException(
                        $"the port for apps cannot be opened: {Sentence(e)} Is another nexusd or an AMQP broker there?"
                        + " Choose another with --app-port, or off.");
                }

                string reason = Sentence(e);
                DaemonLog.AppAddressSkipped(log, address, reason);
            }
        }

        return opened;
    }

    private static bool IsRefusal(Exception e) =>
        e is Win32Exception or IOException or UnauthorizedAccessException or ArgumentException;

    private static string Sentence(Exception e)
    {
        string text = e.Message.TrimEnd('.');
        return text.Length > 0 ? $"{char.ToUpperInvariant(text[0])}{text[1..]}." : "It was refused.";
    }
}
