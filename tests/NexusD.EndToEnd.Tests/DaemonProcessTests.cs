using System.Net;
using NexusD.EndToEnd.Tests.Harness;

namespace NexusD.EndToEnd.Tests;

/// <summary>
/// The daemon as an operator meets it: ready line, signals, probes, metrics, flags and their refusals.
/// </summary>
public sealed class DaemonProcessTests
{
    [Fact]
    public async Task The_ready_line_names_cluster_and_addresses_and_sigterm_ends_with_0()
    {
        using var folder = new TempFolder();
        await using DaemonProcess daemon = await DaemonProcess.StartAsync(
            folder, "n1", "--cluster=production", "--discovery=static", "--app-port=0", "--health-port=0");
        Assert.Contains("cluster=production", daemon.ReadyLine, StringComparison.Ordinal);
        Assert.Contains(daemon.Socket, daemon.ReadyLine, StringComparison.Ordinal);
        Assert.True(daemon.AppPort > 0 && daemon.MeshPort > 0 && daemon.HealthPort > 0);
        Assert.Equal(0, await daemon.TerminateAsync());
        Assert.False(File.Exists(daemon.Socket), "the socket file is left behind");
    }

    [Fact]
    public async Task Probes_and_metrics_answer()
    {
        using var folder = new TempFolder();
        await using DaemonProcess daemon = await DaemonProcess.StartAsync(
            folder, "n1", "--cluster=test", "--discovery=static", "--health-port=0", "--metrics-enabled",
            "--metrics-port=0");
        await daemon.CtlAsync("pub", "a/b", "x", "--ack");
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{daemon.HealthPort}") };
        foreach (string probe in new[] { "/healthz", "/readyz", "/livez" })
        {
            Assert.Equal(HttpStatusCode.OK, (await http.GetAsync(new Uri(probe, UriKind.Relative))).StatusCode);
        }

        Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync(new Uri("/nothing", UriKind.Relative))).StatusCode);
        string metricsAt = daemon.ReadyLine.Split(' ')
            .First(f => f.StartsWith("metrics=", StringComparison.Ordinal))[8..];
        int metricsPort = IPEndPoint.Parse(metricsAt).Port;
        string metrics = await http.GetStringAsync(new Uri($"http://127.0.0.1:{metricsPort}/metrics"));
        Assert.Contains("\nnexusd_subscriber_queue_depth 0\n", metrics, StringComparison.Ordinal);
        Assert.Contains("\nnexusd_messages_published_total 1\n", metrics, StringComparison.Ordinal);
        Assert.Contains("\nnexusd_insecure 1\n", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_taken_health_port_is_a_warning_and_not_the_end()
    {
        using var folder = new TempFolder();
        using var taken = new System.Net.Sockets.TcpListener(IPAddress.Any, 0);
        taken.Start();
        int port = ((IPEndPoint)taken.LocalEndpoint).Port;
        await using DaemonProcess daemon = await DaemonProcess.StartAsync(
            folder, "n1", "--cluster=test", "--discovery=static", $"--health-port={port}");
        await daemon.CtlAsync("pub", "a/b", "x", "--ack");
        Assert.Contains(
            port.ToString(System.Globalization.CultureInfo.InvariantCulture), daemon.Errors, StringComparison.Ordinal);
        Assert.Equal(0, await daemon.TerminateAsync());
    }

    [Theory]
    [InlineData("--clutser=x", "--cluster")]
    [InlineData("--log-level=LOUD", "INFO")]
    [InlineData("--mesh-port=70000", "65535")]
    [InlineData("--discovery=multicats", "multicast")]
    public async Task A_wrong_flag_ends_with_2_and_the_nearest_valid_text(string flag, string hint)
    {
        await using var daemon = new RunningProcess(Repository.Nexusd, [flag]);
        (int exitCode, _) = await daemon.WaitForExitAsync();
        Assert.Equal(2, exitCode);
        string offending = flag.Split('=')[1] == "x" ? "--clutser" : flag.Split('=')[1];
        Assert.Contains(offending, daemon.Errors, StringComparison.Ordinal);
        Assert.Contains(hint, daemon.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--discovery=k8s --k8s-namespace=ecommerce --cluster=production --log-level=INFO "
        + "--metrics-enabled --metrics-port=0")]
    [InlineData("--discovery=k8s --k8s-namespace=smart-city-downtown --cluster=downtown-edge --log-level=INFO "
        + "--metrics-enabled --metrics-port=0")]
    [InlineData("--discovery=k8s --k8s-namespace=tenant-a --cluster=a --log-level=INFO")]
    public async Task The_published_argument_lists_start(string arguments)
    {
        using var folder = new TempFolder();
        await using DaemonProcess daemon = await DaemonProcess.StartAsync(folder, "n1", arguments.Split(' '));
        Assert.Equal(0, await daemon.TerminateAsync());
    }
}
