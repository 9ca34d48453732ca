using System.Reflection;

namespace NexusD.Daemon;

/// <summary>The version of this build.</summary>
internal static class DaemonVersion
{
    /// <summary><c>0.1.0</c>.</summary>
    public static string Text { get; } =
        typeof(DaemonVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()
            ?.InformationalVersion.Split('+')[0] ?? "0.0.0";
}
