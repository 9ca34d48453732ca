namespace NexusD.Daemon;

/// <summary>
/// The control groups of this process (Linux cgroups, version 1 and 2; cgroups(7), Documentation/admin-guide of the
/// kernel).
/// </summary>
internal static class ControlGroup
{
    /// <summary>
    /// The least of a figure over the group of this process and those above it, which bind it too; infinite where none
    /// is set or can be read.
    /// </summary>
    /// <param name="root">Where the file system starts.</param>
    /// <param name="controller">Name of the version 1 controller.</param>
    /// <param name="versionOne">Reads the figure from the folder of a group of version 1.</param>
    /// <param name="versionTwo">The same of version 2.</param>
    public static double Least(
        string root, string controller, Func<string, double> versionOne, Func<string, double> versionTwo)
    {
        double least = double.PositiveInfinity;
        foreach ((string folder, bool isVersionTwo) in Folders(root, controller))
        {
            least = Math.Min(least, isVersionTwo ? versionTwo(folder) : versionOne(folder));
        }

        return least;
    }

    /// <summary>The folders of the group of this process and of those above it, the highest first.</summary>
    /// <param name="root">Where the file system starts.</param>
    /// <param name="controller">Name of the version 1 controller.</param>
    public static IEnumerable<(string Folder, bool IsVersionTwo)> Folders(string root, string controller)
    {
        foreach (string line in ReadLines(Path.Combine(root, "proc/self/cgroup")))
        {
            // "id:controllers:path"; version 2 has id 0 and no controllers.
            string[] parts = line.Split(':', 3);
            bool isVersionTwo = parts.Length == 3 && parts[1].Length == 0;
            if (!isVersionTwo && (parts.Length < 3 || !parts[1].Split(',').Contains(controller)))
            {
                continue;
            }

            // Beside version 1 the tree of version 2 has a folder of its own.
            string mount = Path.Combine(root, "sys/fs/cgroup", isVersionTwo ? "unified" : parts[1]);
            string folder = Directory.Exists(mount) ? mount
                : Path.Combine(root, "sys/fs/cgroup", isVersionTwo ? "" : controller);
            yield return (folder, isVersionTwo);
            foreach (string name in parts[2].Split('/', StringSplitOptions.RemoveEmptyEntries))
            {
                if (name == "..")
                {
                    break; // beside the root of this process's namespace, where nothing can be seen
                }

                // In a container the path may be that of the host, which is not there; then the mount is the group.
                folder = Path.Combine(folder, name);
                yield return (folder, isVersionTwo);
            }
        }
    }

    /// <summary>The lines of a file; none if it cannot be read.</summary>
    public static string[] ReadLines(string file)
    {
        try
        {
            return File.ReadAllLines(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
