namespace Nexusctl.Tests;

/// <summary>
/// A test on the real readings of twelve stations; skipped, and said so, where they do not lie beside the checkout.
/// </summary>
internal sealed class ReadingsFactAttribute : FactAttribute
{
    private const string Name = "shared/data/beijing-air-2017-01.csv";

    public ReadingsFactAttribute()
    {
        if (Path is null)
        {
            Skip = $"{Name} does not lie beside the checkout.";
        }
    }

    internal static string? Path { get; } = Find();

    private static string? Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var path = System.IO.Path.Combine(folder.FullName, Name);
            if (File.Exists(path))
            {
                return path;
            }
        }

        return null;
    }
}
