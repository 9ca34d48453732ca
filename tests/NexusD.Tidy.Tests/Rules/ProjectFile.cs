using System.Xml.Linq;

namespace NexusD.Tidy.Tests.Rules;

/// <summary>The references of a project file. Those of imported files are not seen.</summary>
internal sealed record ProjectFile(
    IReadOnlyList<string> ProjectReferences,
    IReadOnlyList<string> PackageReferences,
    IReadOnlyList<string> PackagesWithVersion)
{
    public static ProjectFile Parse(TrackedFile file)
    {
        var items = XDocument.Parse(file.Text).Descendants().ToList();
        var packages = items.Where(static e => e.Name.LocalName == "PackageReference").ToList();
        return new ProjectFile(
            [.. items.Where(static e => e.Name.LocalName == "ProjectReference").Select(Include)],
            [.. packages.Select(Include)],
            [.. packages.Where(HasVersion).Select(Include)]);
    }

    private static string Include(XElement item) => (string?)item.Attribute("Include") ?? "";

    private static bool HasVersion(XElement item) =>
        item.Attribute("Version") is not null || item.Elements().Any(static e => e.Name.LocalName == "Version");
}
