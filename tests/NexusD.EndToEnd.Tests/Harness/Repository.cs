namespace NexusD.EndToEnd.Tests.Harness;

/// <summary>
/// Where things lie: the checkout that the tests were built in, and the published binaries that they drive.
/// </summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    public static string Nexusd => Binary("nexusd");

    public static string Nexusctl => Binary("nexusctl");

    public static string Bench => Binary("nexusd-bench");

    /// <summary>The real sensor readings that may lie beside the checkout; null where they do not.</summary>
    public static string? SensorReadings
    {
        get
        {
            string path = Path.GetFullPath(Path.Combine(Root, "..", "shared", "data", "beijing-air-2017-01.csv"));
            return File.Exists(path) ? path : null;
        }
    }

    private static string Binary(string name)
    {
        string path = Path.Combine(Root, "artifacts", "bin", name);
        return File.Exists(path)
            ? path
            : throw new FileNotFoundException($"{path} is missing. Run tools/build.sh first (tools/test.sh does).");
    }

    private static string FindRoot()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "NexusD.sln")))
            {
                return at.FullName;
            }
        }

        throw new DirectoryNotFoundException("NexusD.sln was not found above the test binaries.");
    }
}
