using System.Diagnostics;

namespace NexusD.EndToEnd.Tests.Harness;

/// <summary>
/// A test that makes network namespaces, for which it must be root and have <c>ip</c>; elsewhere it is reported as
/// skipped with that reason.
/// </summary>
internal sealed class NamespaceFactAttribute : FactAttribute
{
    private static readonly string? _missing = FindMissing();

    public NamespaceFactAttribute() => Skip = _missing;

    private static string? FindMissing()
    {
        string name = $"nxd-try-{Environment.ProcessId}";
        try
        {
            using Process add = Process.Start(new ProcessStartInfo("ip", ["netns", "add", name])
            {
                RedirectStandardError = true,
            })!;
            string error = add.StandardError.ReadToEnd();
            add.WaitForExit(); // tidy: allow blocking-call - an attribute cannot wait otherwise
            if (add.ExitCode != 0)
            {
                return $"NOT RUN: network namespaces cannot be made here: {error.Trim()}";
            }

            using Process remove = Process.Start("ip", ["netns", "del", name]);
            remove.WaitForExit(); // tidy: allow blocking-call - an attribute cannot wait otherwise
            return null;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return $"NOT RUN: the program ip is needed to make network namespaces: {e.Message}";
        }
    }
}
