using System.Text;
using System.Text.RegularExpressions;
using NexusD.Daemon.Http;
using NexusD.Peering;

namespace NexusD.Daemon.Tests.Http;

public sealed partial class MetricsPageTests
{
    [Theory]
    [InlineData("nexusd_messages_published_total 7")]
    [InlineData("nexusd_messages_received_total 5")]
    [InlineData("nexusd_messages_delivered_total 0")]
    [InlineData("nexusd_messages_forwarded_total 0")]
    [InlineData("nexusd_messages_dropped_total{reason=\"queue_full\",where=\"subscription\"} 0")]
    [InlineData("nexusd_messages_dropped_total{reason=\"duplicate\",where=\"received\"} 2")]
    [InlineData("nexusd_subscriber_queue_depth 11")]
    [InlineData("nexusd_subscriber_queue_capacity 65536")]
    [InlineData("nexusd_active_topics 3")]
    [InlineData("nexusd_mesh_peers_connected 1")]
    [InlineData("nexusd_mesh_peers_total{state=\"up\"} 1")]
    [InlineData("nexusd_mesh_peers_total{state=\"connecting\"} 1")]
    [InlineData("nexusd_mesh_link_rtt_seconds{peer=\"edge-2\",peer_id=\"0123456789abcdef0123456789abcdef\"} 0.00025")]
    [InlineData("nexusd_discovery_beacons_sent_total 10")]
    [InlineData("nexusd_discovery_beacons_ignored_total{reason=\"other_cluster\"} 1")]
    [InlineData("nexusd_insecure 1")]
    [InlineData("nexusd_health_port_conflict 1")]
    [InlineData("nexusd_uptime_seconds 12.5")]
    [InlineData("nexusd_build_info{version=\"0.1.0\",node=\"n1\",cluster=\"test\",quic=\"ngtcp2\"} 1")]
    public void The_page_has_the_line(string line) => Assert.Contains(line, Lines());

    [Fact]
    public void Every_metric_has_help_and_type_before_its_samples_and_stands_once()
    {
        var types = new Dictionary<string, string>();
        string current = string.Empty;
        foreach (string line in Lines().Where(l => l.Length > 0))
        {
            string[] words = line.Split(' ');
            if (line.StartsWith("# HELP ", StringComparison.Ordinal))
            {
                current = words[2];
            }
            else if (line.StartsWith("# TYPE ", StringComparison.Ordinal))
            {
                Assert.Equal(current, words[2]);
                Assert.True(types.TryAdd(current, words[3]), $"{current} stands twice");
            }
            else
            {
                Assert.Matches(SampleLine(), line);
                Assert.Equal(current, line.Split('{', ' ')[0]);
            }
        }

        Assert.All(types, t => Assert.StartsWith("nexusd_", t.Key, StringComparison.Ordinal));
        Assert.All(types, t => Assert.Matches("^(counter|gauge)$", t.Value));
        var counters = types.Where(t => t.Value == "counter");
        Assert.All(counters, t => Assert.EndsWith("_total", t.Key, StringComparison.Ordinal));
    }

    [Fact]
    public void Label_values_are_escaped()
    {
        string page = Encoding.UTF8.GetString(MetricsPage.Write(SampleNode.Make("a\"b\\c\nd")).Span);
        Assert.Contains("cluster=\"a\\\"b\\\\c\\nd\"", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Process_figures_are_those_of_this_process()
    {
        string cpu = Lines().Single(l => l.StartsWith("nexusd_process_cpu_seconds_total ", StringComparison.Ordinal));
        Assert.True(double.Parse(cpu.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture) > 0);
        const string Resident = "nexusd_process_memory_bytes{type=\"resident\"} ";
        string memory = Lines().Single(l => l.StartsWith(Resident, StringComparison.Ordinal));
        long bytes = long.Parse(memory[Resident.Length..], System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(bytes, 1L << 20, 1L << 40);
    }

    private static string[] Lines()
    {
        var node = SampleNode.Make(
            "test",
            SampleNode.Link("edge-2", LinkState.Up),
            SampleNode.Link("edge-3", LinkState.Connecting));
        return Encoding.UTF8.GetString(MetricsPage.Write(node).Span).Split('\n');
    }

    [GeneratedRegex("^nexusd_[a-z0-9_]+(\\{[a-z_]+=\"[^\"]*\"(,[a-z_]+=\"[^\"]*\")*\\})? -?[0-9.E+-]+$")]
    private static partial Regex SampleLine();
}
