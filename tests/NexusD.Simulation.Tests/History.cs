using System.Text;

namespace NexusD.Simulation.Tests;

/// <summary>What happened in a run, to be shown when it fails.</summary>
internal sealed class History(VirtualWorld world)
{
    private const ulong Prime = 1_099_511_628_211;

    private readonly List<Entry> _entries = [];

    /// <summary>Number of the step that is under way.</summary>
    public int Step { get; set; }

    /// <summary>Notes something; publisher 0: it concerns all of them.</summary>
    public void Note(string where, string what, ulong publisher = 0, ulong number = 0, string topic = "") =>
        _entries.Add(new Entry(world.NowNs, Step, where, what, publisher, number, topic));

    /// <summary>A number that is the same for two runs in which the same things happened at the same times.</summary>
    public ulong Hash()
    {
        ulong hash = 14_695_981_039_346_656_037;
        foreach (Entry entry in _entries)
        {
            hash = (hash ^ (ulong)entry.NowNs) * Prime;
            hash = (hash ^ (ulong)entry.Step) * Prime;
            hash = (hash ^ entry.Publisher) * Prime;
            hash = (hash ^ entry.Number) * Prime;
            hash = Add(Add(Add(hash, entry.Where), entry.What), entry.Topic);
        }

        return hash;
    }

    /// <summary>The last things that concern a publisher; 0: all of them.</summary>
    /// <param name="publisher">Whose.</param>
    /// <param name="most">How many.</param>
    public string Describe(ulong publisher, int most)
    {
        var text = new StringBuilder();
        List<Entry> chosen = [.. _entries.Where(e => publisher == 0 || e.Publisher == 0 || e.Publisher == publisher)];
        foreach (Entry e in chosen.TakeLast(most))
        {
            text.AppendLine(
                $"  {e.NowNs / 1e6,12:0.000} ms  step {e.Step,4}  {e.Where,-16} {e.What} "
                + (e.Publisher == 0 ? "" : $"publisher {e.Publisher} number {e.Number} {e.Topic}"));
        }

        return text.ToString();
    }

    private static ulong Add(ulong hash, string text)
    {
        foreach (char c in text)
        {
            hash = (hash ^ c) * Prime;
        }

        return hash * Prime;
    }

    private readonly record struct Entry(
        long NowNs, int Step, string Where, string What, ulong Publisher, ulong Number, string Topic);
}
