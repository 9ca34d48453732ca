namespace NexusD.EndToEnd.Tests.Harness;

/// <summary>A fresh folder with a short path (Unix socket paths end at 107 bytes), removed at the end.</summary>
internal sealed class TempFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("nxd-").FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
