using System.Net;
using System.Text.Json;

namespace NexusD.Daemon.Tests;

public sealed class ReadyLineTests
{
    private static readonly ReadyLine _line = new()
    {
        Cluster = "production",
        Node = "n1",
        Apps = ["unix:/run/nexusd/nexusd.sock", "tcp:127.0.0.1:5672"],
        Mesh = IPEndPoint.Parse("0.0.0.0:5671"),
        Health = IPEndPoint.Parse("[::]:8080"),
        Metrics = null,
        Quic = "ngtcp2",
    };

    [Fact]
    public void As_text() => Assert.Equal(
        "nexusd ready cluster=production node=n1 app=unix:/run/nexusd/nexusd.sock app=tcp:127.0.0.1:5672"
        + " mesh=0.0.0.0:5671 health=[::]:8080 metrics=off quic=ngtcp2",
        _line.ToText());

    [Fact]
    public void A_value_with_a_blank_stands_in_quotes()
    {
        string text = (_line with { Cluster = "a \"b" }).ToText();
        Assert.Contains(" cluster=\"a \\u0022b\" ", text, StringComparison.Ordinal);
    }

    [Fact]
    public void As_json()
    {
        JsonElement line = JsonDocument.Parse(_line.ToJson()).RootElement;
        Assert.True(line.GetProperty("ready").GetBoolean());
        Assert.Equal("production", line.GetProperty("cluster").GetString());
        Assert.Equal(2, line.GetProperty("app").GetArrayLength());
        Assert.Equal("[::]:8080", line.GetProperty("health").GetString());
        Assert.Equal(JsonValueKind.Null, line.GetProperty("metrics").ValueKind);
    }
}
