using System.Net;

namespace NexusD.Daemon.Options;

/// <summary>Rules that tie several options together, or an option to what this version can do.</summary>
internal static class OptionRules
{
    /// <summary>Notes everything that does not go together.</summary>
    public static void Check(OptionSet options)
    {
        CheckTls(options);
        CheckAppBind(options);
        CheckAppDoors(options);
        CheckKubernetes(options);
        CheckSizes(options);
    }

    /// <summary>The host's name, or a made-up one when it is no valid node name.</summary>
    public static string NodeNameOf(OptionSet options) =>
        options.IsSet(OptionTable.NodeName) ? options.Get(OptionTable.NodeName)
        : OptionTable.NodeName.Reader(Environment.MachineName, out string name) ? name
        : "node";

    /// <summary>The mechanisms in force: those named, and static when peers are named.</summary>
    public static IReadOnlyList<string> DiscoveryOf(OptionSet options)
    {
        IReadOnlyList<string> named = options.Get(OptionTable.Discovery);
        return options.Get(OptionTable.Peers).Count > 0 && !named.Contains("static") ? [.. named, "static"] : named;
    }

    private static void CheckTls(OptionSet options)
    {
        OptionDefinition[] files = [OptionTable.TlsAuthorities, OptionTable.TlsCertificate, OptionTable.TlsKey];
        OptionDefinition[] missing = Array.FindAll(files, f => !options.IsSet(f));
        if (missing.Length is 1 or 2)
        {
            string given = string.Join(" and ", files.Except(missing).Select(f => "--" + f.Name));
            string needed = string.Join(" and ", missing.Select(f => "--" + f.Name));
            options.AddError(
                $"{given} without {needed}: give all three, or none for links that are encrypted only.");
        }
    }

    private static void CheckAppBind(OptionSet options)
    {
        IPAddress[] open = [.. options.Get(OptionTable.AppBind).Where(a => !IPAddress.IsLoopback(a))];
        if (open.Length > 0)
        {
            options.AddError(
                $"{options.OriginOf(OptionTable.AppBind)}: {open[0]} is not loopback. Apps from other machines would"
                + " need authentication, which this version does not have; use 127.0.0.1, ::1 or the Unix socket.");
        }
    }

    private static void CheckAppDoors(OptionSet options)
    {
        bool port = !options.Get(OptionTable.AppPort).IsOff && options.Get(OptionTable.AppBind).Count > 0;
        if (!port && options.TextOf(OptionTable.AppSocket).Equals("off", StringComparison.OrdinalIgnoreCase))
        {
            options.AddError(
                "both the Unix socket and the TCP port for apps are off, so no app could connect; turn one on.");
        }
    }

    private static void CheckKubernetes(OptionSet options)
    {
        if (options.IsSet(OptionTable.KubernetesNamespace) && !DiscoveryOf(options).Contains("k8s"))
        {
            options.AddWarning("--k8s-namespace has no effect without --discovery=k8s.");
        }
    }

    private static void CheckSizes(OptionSet options)
    {
        long payload = options.Get(OptionTable.MaxPayload);
        string payloadText = options.TextOf(OptionTable.MaxPayload);
        foreach (Option<long> queue in new[] { OptionTable.SubscriberQueueBytes, OptionTable.LinkQueueBytes })
        {
            if (options.Get(queue) < payload)
            {
                options.AddError(
                    $"--{queue.Name}={options.TextOf(queue)} is smaller than --max-payload={payloadText},"
                    + " so the largest events could never be delivered; raise it or lower --max-payload.");
            }
        }
    }
}
