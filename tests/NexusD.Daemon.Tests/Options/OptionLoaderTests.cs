using NexusD.Daemon.Options;

namespace NexusD.Daemon.Tests.Options;

public sealed class OptionLoaderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("nexusd-options-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_flag_goes_before_a_variable_before_the_file_before_the_default()
    {
        string file = WriteFile(
            """{ "cluster": "from-file", "mesh-port": 1001, "log-level": "WARN", "max-clients": 7 }""");
        var variables = new Dictionary<string, string>
        {
            ["NEXUSD_CLUSTER"] = "from-variable", ["NEXUSD_MESH_PORT"] = "1002",
        };
        OptionSet options = OptionLoader.Load(["--config", file, "--cluster=from-flag"], variables);

        Assert.Empty(options.Errors);
        Assert.Equal("from-flag", options.Get(OptionTable.Cluster));
        Assert.Equal("flag --cluster", options.OriginOf(OptionTable.Cluster));
        Assert.Equal(1002, options.Get(OptionTable.MeshPort).Number);
        Assert.Equal("variable NEXUSD_MESH_PORT", options.OriginOf(OptionTable.MeshPort));
        Assert.Equal("WARN", options.Get(OptionTable.LogLevel));
        Assert.Equal($"file {file}: log-level", options.OriginOf(OptionTable.LogLevel));
        Assert.Equal(7, options.Get(OptionTable.MaxClients));
        Assert.Equal(5672, options.Get(OptionTable.AppPort).Number);
        Assert.Equal("default", options.OriginOf(OptionTable.AppPort));
    }

    [Theory]
    [InlineData("--k8s-namespace=ecommerce --cluster=production --metrics-enabled --metrics-port=9090")]
    [InlineData("--k8s-namespace=smart-city-downtown --cluster=downtown-edge --metrics-enabled")]
    [InlineData("--k8s-namespace=tenant-a --cluster=a")]
    public void The_argument_lists_of_the_use_cases_are_valid(string line)
    {
        OptionSet options = Load(["--discovery=k8s", "--log-level=INFO", .. line.Split(' ')]);

        Assert.Empty(options.Errors);
        Assert.Empty(options.Warnings);
        Assert.Equal(["k8s"], options.Get(OptionTable.Discovery));
        bool metrics = line.Contains("--metrics-enabled", StringComparison.Ordinal);
        Assert.Equal(metrics, options.Get(OptionTable.MetricsEnabled));
        Assert.Equal(9090, options.Get(OptionTable.MetricsPort).Number);
        Assert.Equal(8080, options.Get(OptionTable.HealthPort).Number);
        Assert.Equal("INFO", options.Get(OptionTable.LogLevel));
    }

    [Fact]
    public void Values_may_follow_after_a_blank_and_switches_stand_alone()
    {
        OptionSet options = Load("--cluster", "production", "--metrics-enabled", "--mesh-port", "0");
        Assert.Empty(options.Errors);
        Assert.Equal("production", options.Get(OptionTable.Cluster));
        Assert.True(options.Get(OptionTable.MetricsEnabled));
        Assert.Equal(0, options.Get(OptionTable.MeshPort).Number);
        Assert.False(Load("--metrics-enabled", "false").Get(OptionTable.MetricsEnabled));
        Assert.False(Load("--metrics-enabled=no").Get(OptionTable.MetricsEnabled));
    }

    [Fact]
    public void The_last_of_repeated_flags_counts_and_lists_add_up()
    {
        OptionSet options = Load("--cluster=a", "--cluster=b", "--peers=x:1", "--peers=y:2,x:1");
        Assert.Equal("b", options.Get(OptionTable.Cluster));
        Assert.Equal([new HostAndPort("x", 1), new HostAndPort("y", 2)], options.Get(OptionTable.Peers));
    }

    [Theory]
    [InlineData("--clutser=x", "unknown option '--clutser'. Did you mean '--cluster'?")]
    [InlineData("--metric-enabled", "Did you mean '--metrics-enabled'?")]
    [InlineData("--Mesh_Port=1", "Did you mean '--mesh-port'?")]
    [InlineData("--qwertyuiop=x", "unknown option '--qwertyuiop'. nexusd --help")]
    [InlineData("cluster=x", "'cluster=x' is not an option; options start with two dashes")]
    [InlineData("--log-level=INF0", "flag --log-level: 'INF0' is not valid; valid is TRACE, DEBUG, INFO")]
    [InlineData("--log-level=INF0", "Did you mean 'INFO'?")]
    [InlineData("--discovery=multicats,static", "'multicats,static' is not valid; valid is a comma list")]
    [InlineData("--discovery=multicats,static", "Did you mean 'multicast'?")]
    [InlineData("--mesh-port=70000", "'70000' is not valid; valid is a port from 1 to 65535")]
    [InlineData("--mesh-port=off", "'off' is not valid")]
    [InlineData("--app-port=of", "Did you mean 'off'?")]
    [InlineData("--mesh-port", "flag --mesh-port has no value; valid is a port")]
    [InlineData("--cluster=", "flag --cluster has no value")]
    [InlineData("--max-payload=12Q", "'12Q' is not valid; valid is a size")]
    [InlineData("--max-clients=0", "'0' is not valid; valid is a number from 1 to")]
    [InlineData("--shutdown-grace=10", "'10' is not valid; valid is a time")]
    [InlineData("--metrics-path=metrics", "'metrics' is not valid; valid is a path that starts with /")]
    [InlineData("--mcast-addr=10.0.0.1", "valid is an IPv4 multicast address")]
    [InlineData("--peers=a:b", "'a:b' is not valid; valid is a comma list of host:port")]
    [InlineData("--app-bind=0.0.0.0", "flag --app-bind: 0.0.0.0 is not loopback. Apps from other machines would need")]
    [InlineData("--tls-cert=x.pem", "--tls-cert without --tls-ca and --tls-key: give all three")]
    public void What_is_wrong_is_named_with_what_is_valid(string flag, string expected)
    {
        OptionSet options = Load(flag);
        string error = Assert.Single(options.Errors);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public void All_errors_are_told_at_once()
    {
        OptionSet options = Load("--clutser", "x", "--mesh-port=x", "--quic=tcp");
        Assert.Equal(3, options.Errors.Count);
    }

    [Theory]
    [InlineData("--cluster-id=x", "cluster")]
    [InlineData("--node-id=x", "node-name")]
    [InlineData("--sidecar-port=7", "app-port")]
    [InlineData("--discovery-address=239.1.2.3", "mcast-addr")]
    [InlineData("--discovery-port=7", "mcast-port")]
    [InlineData("--shutdown-grace-ms=1500", "shutdown-grace")]
    [InlineData("--bind-addr=127.0.0.1", "bind")]
    public void Other_names_of_an_option_are_accepted(string flag, string name)
    {
        OptionSet options = Load(flag);
        Assert.Empty(options.Errors);
        Assert.Equal(OptionSource.Flag, options.SourceOf(OptionTable.Find(name, out _)!));
    }

    [Fact]
    public void Names_that_end_in_ms_take_bare_numbers()
    {
        Assert.Equal(TimeSpan.FromSeconds(1.5), Load("--shutdown-grace-ms=1500").Get(OptionTable.ShutdownGrace));
        Assert.Equal(TimeSpan.FromSeconds(2), Load("--shutdown-grace-ms=2s").Get(OptionTable.ShutdownGrace));
        var variables = new Dictionary<string, string> { ["NEXUSD_SHUTDOWN_GRACE_MS"] = "250" };
        Assert.Equal(TimeSpan.FromMilliseconds(250), OptionLoader.Load([], variables).Get(OptionTable.ShutdownGrace));
    }

    [Fact]
    public void Each_option_is_read_from_its_variable_but_commands_are_not()
    {
        foreach (OptionDefinition option in OptionTable.All)
        {
            Assert.Equal("NEXUSD_" + option.Name.Replace('-', '_').ToUpperInvariant(), option.EnvironmentName);
        }

        var variables = new Dictionary<string, string>
        {
            ["NEXUSD_VERSION"] = "1.0", ["NEXUSD_HELP"] = "true",
            ["NEXUSD_BIND_ADDR"] = "127.0.0.1", ["NEXUSD_PEERS"] = "a,b:9",
            ["NEXUSD_LOG_LEVEL"] = "debug", ["NEXUSD_ADDR"] = "localhost:5672", ["NEXUSD_CLUSTER"] = "",
        };
        OptionSet options = OptionLoader.Load([], variables);
        Assert.Empty(options.Errors);
        Assert.Empty(options.Warnings);
        Assert.False(options.Get(OptionTable.Version));
        Assert.False(options.Get(OptionTable.Help));
        Assert.Equal("127.0.0.1", options.Get(OptionTable.Bind).ToString());
        Assert.Equal([new HostAndPort("a", 5671), new HostAndPort("b", 9)], options.Get(OptionTable.Peers));
        Assert.Equal("DEBUG", options.Get(OptionTable.LogLevel));
        Assert.Equal("default", options.Get(OptionTable.Cluster));
    }

    [Fact]
    public void Variables_that_kubernetes_makes_for_services_do_no_harm()
    {
        var variables = new Dictionary<string, string>
        {
            ["NEXUSD_PORT"] = "tcp://10.0.0.7:5672", ["NEXUSD_SERVICE_HOST"] = "10.0.0.7",
            ["NEXUSD_APP_PORT"] = "tcp://10.0.0.7:5672", ["NEXUSD_PORT_5671_UDP_ADDR"] = "10.0.0.7",
        };
        OptionSet options = OptionLoader.Load([], variables);
        Assert.Empty(options.Errors);
        Assert.Equal(5672, options.Get(OptionTable.AppPort).Number);
        const string Expected = "variable NEXUSD_APP_PORT=tcp://10.0.0.7:5672 looks like";
        Assert.Contains(options.Warnings, w => w.StartsWith(Expected, StringComparison.Ordinal));
    }

    [Fact]
    public void A_misspelt_variable_is_warned_of()
    {
        OptionSet options = OptionLoader.Load([], new Dictionary<string, string> { ["NEXUSD_CLUSTR"] = "x" });
        const string Expected = "variable NEXUSD_CLUSTR is not known and not used. Did you mean 'NEXUSD_CLUSTER'?";
        Assert.Equal(Expected, Assert.Single(options.Warnings));
    }

    [Fact]
    public void A_bad_variable_is_named_by_its_own_name()
    {
        OptionSet options = OptionLoader.Load([], new Dictionary<string, string> { ["NEXUSD_MESH_PORT"] = "x" });
        string error = Assert.Single(options.Errors);
        Assert.StartsWith("variable NEXUSD_MESH_PORT: 'x' is not valid", error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_file_takes_texts_numbers_switches_lists_comments_and_a_last_comma()
    {
        string file = WriteFile("""
            {
              // this edge site
              "cluster": "edge", "metrics-enabled": true, "peers": ["a:1", "b"], "max-payload": 100000,
              "subscriber-queue-bytes": "50M", /* a budget */ "shutdown-grace": "3s",
            }
            """);
        OptionSet options = Load("--config=" + file);
        Assert.Empty(options.Errors);
        Assert.Equal("edge", options.Get(OptionTable.Cluster));
        Assert.True(options.Get(OptionTable.MetricsEnabled));
        Assert.Equal([new HostAndPort("a", 1), new HostAndPort("b", 5671)], options.Get(OptionTable.Peers));
        Assert.Equal(100_000, options.Get(OptionTable.MaxPayload));
        Assert.Equal(50L << 20, options.Get(OptionTable.SubscriberQueueBytes));
        Assert.Equal(TimeSpan.FromSeconds(3), options.Get(OptionTable.ShutdownGrace));
    }

    [Theory]
    [InlineData("""{ "clutser": "x" }""", "clutser is not an option of the file. Did you mean 'cluster'?")]
    [InlineData("""{ "version": true }""", "version is not an option of the file.")]
    [InlineData("""{ "mesh-port": "x" }""", "mesh-port: 'x' is not valid")]
    [InlineData("""{ "cluster": null }""", "cluster must be a text, a number, true, false or an array of texts")]
    [InlineData("""{ "peers": ["a,b"] }""", "peers must be a text")]
    [InlineData("""{ "peers": [{}] }""", "peers must be a text")]
    [InlineData("""{ "cluster": { "name": "x" } }""", "cluster must be a text")]
    [InlineData("""{ "cluster": "a", "cluster-id": "b" }""", "cluster-id stands twice")]
    [InlineData("""{ "cluster": "a" """, "line 1: this is not JSON")]
    [InlineData("""{ "cluster": "a" } x""", "this is not JSON")]
    [InlineData("[]", "must hold one JSON object")]
    [InlineData("", "this is not JSON")]
    public void What_is_wrong_in_the_file_is_named(string content, string expected)
    {
        string file = WriteFile(content);
        string error = Assert.Single(Load("--config", file).Errors);
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.Contains(file, error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        string path = Path.Combine(_folder, "none.json");
        string error = Assert.Single(Load("--config", path).Errors);
        Assert.Contains($"configuration file {path} cannot be read", error, StringComparison.Ordinal);
    }

    private static OptionSet Load(params string[] arguments) =>
        OptionLoader.Load(arguments, new Dictionary<string, string>());

    private string WriteFile(string content)
    {
        string path = Path.Combine(_folder, "nexusd.json");
        File.WriteAllText(path, content);
        return path;
    }
}
