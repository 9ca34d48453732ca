using System.Text;
using NexusD.Protocol;

namespace NexusD.Routing.Tests.Support;

/// <summary>Writes down what it is given.</summary>
internal sealed class RecordingTarget(string name = "") : DeliveryTarget
{
    public string Name { get; } = name;

    public List<Delivery> Deliveries { get; } = [];

    public List<GapNotice> Gaps { get; } = [];

    /// <summary>Aliases that the target declared because an entry had none yet.</summary>
    public int DeclaredAliases { get; private set; }

    public override void Deliver(in EventRun run, ref RouteEntry entry)
    {
        if (entry.RemembersAlias && entry.Alias == 0)
        {
            entry.Alias = (uint)++DeclaredAliases;
        }

        Deliveries.Add(new Delivery(
            run.Topic.Text, run.Publisher, run.Number, run.Count, run.Flags, entry.RemembersAlias, Texts(run.Body)));
    }

    public override void DeliverGap(in GapNotice gap) => Gaps.Add(gap);

    public override string ToString() => Name;

    public static string Texts(ReadOnlySpan<byte> body)
    {
        var text = new StringBuilder();
        var reader = new RunReader(body);
        while (reader.TryRead(out ReadOnlySpan<byte> payload))
        {
            text.Append(text.Length > 0 ? "," : "").Append(Encoding.UTF8.GetString(payload));
        }

        return text.ToString();
    }
}

internal sealed record Delivery(
    string Topic, ulong Publisher, ulong Number, int Count, RunFlags Flags, bool RemembersAlias, string Texts);
