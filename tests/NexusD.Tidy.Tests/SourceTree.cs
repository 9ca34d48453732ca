using System.Diagnostics;
using System.Text;

namespace NexusD.Tidy.Tests;

/// <summary>The files that git tracks, as they are in the working tree.</summary>
internal sealed class SourceTree
{
    private static readonly Lazy<SourceTree> ThisRepository = new(Read);
    private readonly HashSet<string> _paths;

    private SourceTree(IReadOnlyList<TrackedFile> files)
    {
        Files = files;
        _paths = files.Select(static f => f.Path).ToHashSet(StringComparer.Ordinal);
    }

    public static SourceTree Repository => ThisRepository.Value;

    public IReadOnlyList<TrackedFile> Files { get; }

    public static SourceTree Of(params IEnumerable<(string Path, string Text)> files) =>
        new([.. files.Select(static f => new TrackedFile(f.Path, f.Text))]);

    public TrackedFile? Find(string path) => Files.FirstOrDefault(f => f.Path == path);

    public bool HasFile(string path) => _paths.Contains(path);

    public bool HasFolder(string path) =>
        _paths.Any(p => p.StartsWith(path.TrimEnd('/') + "/", StringComparison.Ordinal));

    private static SourceTree Read()
    {
        var root = FindRoot();
        var files = new List<TrackedFile>();
        foreach (var path in ListTracked(root))
        {
            var full = Path.Combine(root, path);
            if (File.Exists(full))
            {
                files.Add(new TrackedFile(path, ReadText(full)));
            }
        }

        return files.Count > 0
            ? new SourceTree(files)
            : throw new InvalidOperationException($"git tracks no file under {root}: nothing to check");
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "NexusD.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"no NexusD.sln above {AppContext.BaseDirectory}");
    }

    private static string[] ListTracked(string root)
    {
        // In a container the checkout often belongs to another user, which git would refuse.
        var start = new ProcessStartInfo("git", ["-c", "safe.directory=*", "-C", root, "ls-files", "-z"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
        };
        using var git = Process.Start(start) ?? throw new InvalidOperationException("git did not start");
        var errors = git.StandardError.ReadToEndAsync();
        var names = git.StandardOutput.ReadToEnd();
        git.WaitForExit();
        return git.ExitCode == 0
            ? names.Split('\0', StringSplitOptions.RemoveEmptyEntries)
            : throw new InvalidOperationException($"git ls-files failed in {root}: {errors.GetAwaiter().GetResult()}");
    }

    private static string ReadText(string path)
    {
        var bytes = File.ReadAllBytes(path);
        return bytes.AsSpan(0, Math.Min(bytes.Length, 8000)).Contains((byte)0) ? "" : Encoding.UTF8.GetString(bytes);
    }
}
