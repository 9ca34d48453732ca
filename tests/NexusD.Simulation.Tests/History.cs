using System.Text;

namespace NexusD.Simulation.Tests;

/// <summary>What happened in a run, to be shown when it fails.</summary>
internal sealed class History(VirtualWorld world)
{
    private const int Shown = 50;

    private readonly List<Entry> _entries = [];

    /// <summary>Number of the step that is under way.</summary>
    public int Step { get; set; }

    /// <summary>Notes something; publisher 0: it concerns all of them.</summary>
    public void Note(string where, string what, ulong publisher = 0, ulong number = 0, string topic = "") =>
        _entries.Add(new Entry(world.NowNs, Step, where, what, publisher, number, topic));

    /// <summary>A number that is the same for two runs in which the same things happened at the same times.</summary>
    public ulong Fingerprint()
    {
        ulong hash = 14_695_981_039_346_656_037;
        foreach (Entry entry in _entries)
        {
            hash = (hash ^ (ulong)entry.NowNs) * 1_099_511_628_211;
            hash = (hash ^ (entry.Publisher << 32) ^ entry.Number) * 1_099_511_628_211;
        }

        return hash;
    }

    /// <summary>The last things that concern a publisher; 0: all of them.</summary>
    public string Describe(ulong publisher)
    {
        var text = new StringBuilder();
        List<Entry> chosen = [.. _entries.Where(e => publisher == 0 || e.Publisher == 0 || e.Publisher == publisher)];
        foreach (Entry e in chosen.TakeLast(Shown))
        {
            text.AppendLine(
                $"  {e.NowNs / 1e6,12:0.000} ms  step {e.Step,4}  {e.Where,-16} {e.What} "
                + (e.Publisher == 0 ? "" : $"publisher {e.Publisher} number {e.Number} {e.Topic}"));
        }

        return text.ToString();
    }

    private readonly record struct Entry(
        long NowNs, int Step, string Where, string What, ulong Publisher, ulong Number, string Topic);
}
