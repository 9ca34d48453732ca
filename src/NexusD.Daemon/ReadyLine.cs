using System.Net;
using System.Text;
using System.Text.Json;

namespace NexusD.Daemon;

/// <summary>
/// The one line on standard output that says that the daemon serves, and where. Ports are the real ones, also where a
/// free
/// one was asked for.
/// </summary>
internal sealed record ReadyLine
{
    public required string Cluster { get; init; }

    public required string Node { get; init; }

    /// <summary><c>unix:/path</c> and <c>tcp:address:port</c>.</summary>
    public required IReadOnlyList<string> Apps { get; init; }

    public required IPEndPoint Mesh { get; init; }

    /// <summary>Null when it is not served.</summary>
    public required IPEndPoint? Health { get; init; }

    /// <summary>Null when it is not served.</summary>
    public required IPEndPoint? Metrics { get; init; }

    public required string Quic { get; init; }

    /// <summary>
    /// For people and scripts: <c>nexusd ready cluster=... node=...</c>; a value with a blank stands in quotes.
    /// </summary>
    public string ToText()
    {
        var line = new StringBuilder("nexusd ready");
        Append(line, "cluster", Cluster);
        Append(line, "node", Node);
        foreach (string app in Apps)
        {
            Append(line, "app", app);
        }

        Append(line, "mesh", Mesh.ToString());
        Append(line, "health", Health?.ToString() ?? "off");
        Append(line, "metrics", Metrics?.ToString() ?? "off");
        Append(line, "quic", Quic);
        return line.ToString();
    }

    /// <summary>The same as a JSON object.</summary>
    public string ToJson()
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteBoolean("ready", true);
            json.WriteString("cluster", Cluster);
            json.WriteString("node", Node);
            json.WriteStartArray("app");
            foreach (string app in Apps)
            {
                json.WriteStringValue(app);
            }

            json.WriteEndArray();
            json.WriteString("mesh", Mesh.ToString());
            json.WriteString("health", Health?.ToString());
            json.WriteString("metrics", Metrics?.ToString());
            json.WriteString("quic", Quic);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.ToArray());
    }

    private static void Append(StringBuilder line, string key, string value)
    {
        bool plain = value.Length > 0 && !value.AsSpan().ContainsAny(" \"\t\\");
        line.Append(' ').Append(key).Append('=');
        line.Append(plain ? value : $"\"{JsonEncodedText.Encode(value)}\"");
    }
}
