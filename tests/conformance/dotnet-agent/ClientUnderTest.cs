using System.Text.Json.Nodes;
using NexusdClient;

namespace ConformanceAgent;

/// <summary>A client, with what its callbacks told.</summary>
internal sealed class ClientUnderTest
{
    private readonly Lock _gate = new();
    private JsonArray _log = [];

    private ClientUnderTest(Client client)
    {
        Client = client;
        client.StateChanged += (_, change) => Note("state", new()
        {
            ["state"] = Words.Of(change.Current), ["text"] = change.Reason?.Message ?? "",
        });
        client.Gap += (_, gap) =>
        {
            var entry = Loss(gap.From, gap.To, gap.Count, Words.Of(gap.Reason), gap.Where);
            entry["filters"] = new JsonArray([.. gap.Filters.Select(f => JsonValue.Create(f))]);
            entry["publisher"] = Words.Text(gap.Publisher);
            Note("gap", entry);
        };
        client.PublishLoss += (_, loss) =>
            Note("publish_loss", Loss(loss.From, loss.To, loss.Count, Words.Of(loss.Reason), loss.Where));
        client.ServerNotice += (_, notice) => Note("notice", new()
        {
            ["code"] = (int)notice.Code, ["text"] = notice.Text,
        });
    }

    internal Client Client { get; }

    internal static ClientUnderTest Make(JsonObject command)
    {
        var options = command["options"] as JsonObject ?? [];
        var defaults = new ClientOptions();
        return new(new Client((string?)command["address"], new ClientOptions
        {
            ClientName = (string?)options["name"],
            PublishBufferBytes = (int?)options["publish_buffer_bytes"] ?? defaults.PublishBufferBytes,
            ConnectTimeout = Time(options, "connect_timeout_ms", defaults.ConnectTimeout),
            AcknowledgeTimeout = Time(options, "acknowledge_timeout_ms", defaults.AcknowledgeTimeout),
            CloseTimeout = Time(options, "close_timeout_ms", defaults.CloseTimeout),
            ReconnectMinimum = Time(options, "reconnect_min_ms", defaults.ReconnectMinimum),
            ReconnectMaximum = Time(options, "reconnect_max_ms", defaults.ReconnectMaximum),
            KeepAlive = Time(options, "keep_alive_ms", defaults.KeepAlive),
        }));
    }

    internal JsonArray TakeLog()
    {
        lock (_gate)
        {
            var taken = _log;
            _log = [];
            return taken;
        }
    }

    internal async Task RespondAsync(string filter, CancellationToken cancellation)
    {
        var requests = Client.Subscribe(filter, cancellationToken: CancellationToken.None);
        await requests.StartAsync(cancellation);
        _ = Task.Run(
            async () =>
            {
                await foreach (var request in requests)
                {
                    await Client.ReplyAsync(request, [.. "re:"u8, .. request.Payload]);
                }
            },
            CancellationToken.None);
    }

    private static TimeSpan Time(JsonObject options, string name, TimeSpan otherwise) =>
        options[name] is { } value ? TimeSpan.FromMilliseconds((double)value) : otherwise;

    private static JsonObject Loss(ulong from, ulong to, ulong count, string reason, string node) => new()
    {
        ["from"] = Words.Text(from),
        ["to"] = Words.Text(to),
        ["count"] = Words.Text(count),
        ["reason"] = reason,
        ["node"] = node,
    };

    private void Note(string kind, JsonObject entry)
    {
        entry["kind"] = kind;
        lock (_gate)
        {
            _log.Add((JsonNode)entry);
        }
    }
}
