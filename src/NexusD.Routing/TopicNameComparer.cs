namespace NexusD.Routing;

/// <summary>
/// Compares topics by name: two objects may bear one, when the router's table of topics was full in between.
/// </summary>
public sealed class TopicNameComparer : IEqualityComparer<Topic>
{
    public static readonly TopicNameComparer Instance = new();

    private TopicNameComparer()
    {
    }

    public bool Equals(Topic? x, Topic? y) =>
        ReferenceEquals(x, y) || (x is not null && y is not null && x.Hash == y.Hash && x.Utf8.SequenceEqual(y.Utf8));

    public int GetHashCode(Topic obj) => (int)obj.Hash;
}
