using System.Diagnostics;
using System.Net;
using System.Text.Json;

namespace NexusD.EndToEnd.Tests.Harness;

/// <summary>A published <c>nexusd</c> with a Unix socket of its own and free ports, known to be ready.</summary>
internal sealed class DaemonProcess : RunningProcess
{
    private readonly string _folder;

    private DaemonProcess(string name, string folder, string[] wrapper, IEnumerable<string> arguments)
        : base(
            wrapper.Length == 0 ? Repository.Nexusd : wrapper[0],
            wrapper.Length == 0 ? arguments : [.. wrapper[1..], Repository.Nexusd, .. arguments])
    {
        Name = name;
        _folder = folder;
        Socket = SocketPath(folder, name);
    }

    public string Name { get; }

    public string Socket { get; }

    public string Address => $"unix:{Socket}";

    public string ReadyLine { get; private set; } = "";

    /// <summary>Time from the start of the program to its ready line.</summary>
    public TimeSpan ReadyAfter { get; private set; }

    public int MeshPort => Port("mesh=");

    public int AppPort => Port("app=tcp:");

    public int HealthPort => Port("health=");

    public int MetricsPort => Port("metrics=");

    /// <summary>Starts a daemon and waits for its ready line.</summary>
    public static Task<DaemonProcess> StartAsync(TempFolder folder, string name, params string[] more) =>
        StartInAsync([], folder, name, more);

    /// <summary>The same in a network namespace.</summary>
    public static Task<DaemonProcess> StartInAsync(
        string space, TempFolder folder, string name, params string[] more) =>
        StartInAsync(["ip", "netns", "exec", space], folder, name, more);

    /// <summary>The same in a control group.</summary>
    public static Task<DaemonProcess> StartInAsync(
        MemoryGroup group, TempFolder folder, string name, params string[] more) =>
        StartInAsync(
            ["sh", "-c", $"echo $$ > {group.ProcessFile} && exec \"$0\" \"$@\""], folder, name, more);

    private static async Task<DaemonProcess> StartInAsync(
        string[] wrapper, TempFolder folder, string name, string[] more)
    {
        string[] basics =
        [
            $"--node-name={name}", $"--app-socket={SocketPath(folder.Path, name)}", "--app-port=off",
            "--health-port=off",
        ];
        IEnumerable<string> own = basics.Where(b => !more.Any(m => m.Split('=')[0] == b.Split('=')[0]));
        string[] mesh = more.Any(m => m.StartsWith("--mesh-port", StringComparison.Ordinal)) ? [] : ["--mesh-port=0"];
        var watch = Stopwatch.StartNew();
        var daemon = new DaemonProcess(name, folder.Path, wrapper, [.. own, .. mesh, .. more]);
        while (await daemon.ReadLineAsync() is { } line)
        {
            if (line.Contains("ready", StringComparison.Ordinal))
            {
                daemon.ReadyLine = line;
                daemon.ReadyAfter = watch.Elapsed;
                return daemon;
            }
        }

        throw new InvalidOperationException($"{daemon.CommandLine} ended before it was ready.\n{daemon.Errors}");
    }

    /// <summary>Starts <c>nexusctl</c> against this daemon.</summary>
    public RunningProcess Ctl(params string[] arguments) =>
        new(Repository.Nexusctl, arguments.Append($"--addr={Address}"));

    /// <summary>Runs <c>nexusctl</c> against this daemon to its end; fails unless it exits with 0.</summary>
    public async Task<List<string>> CtlAsync(params string[] arguments)
    {
        await using RunningProcess ctl = Ctl(arguments);
        (int exitCode, List<string> lines) = await ctl.WaitForExitAsync();
        Assert.True(exitCode == 0, $"{ctl.CommandLine} exited with {exitCode}.\n{ctl.Errors}");
        return lines;
    }

    /// <summary>What <c>nexusctl COMMAND --json</c> prints, parsed.</summary>
    public async Task<JsonElement> JsonAsync(string command)
    {
        List<string> lines = await CtlAsync(command, "--json");
        return JsonDocument.Parse(string.Join('\n', lines)).RootElement;
    }

    /// <summary>
    /// Waits until the log of the living daemon has a text: a line is read some time after it was written.
    /// </summary>
    public Task<TimeSpan> LogsAsync(string text) => Eventually.TrueAsync(
        $"{Name} logs '{text}'",
        () => Task.FromResult(Errors),
        errors => errors.Contains(text, StringComparison.Ordinal));

    /// <summary>Waits until links to all <paramref name="others"/> are up; returns how long that took.</summary>
    public Task<TimeSpan> LinkedToAsync(params string[] others) => Eventually.TrueAsync(
        $"{Name} is linked to {string.Join(", ", others)}",
        () => JsonAsync("peers"),
        peers => others.All(name => peers.EnumerateArray().Any(p =>
            p.GetProperty("name").GetString() == name && p.GetProperty("state").GetString() == "up")));

    /// <summary>
    /// Waits until <paramref name="other"/> has told this daemon at least <paramref name="filters"/> filters.
    /// </summary>
    public Task<TimeSpan> KnowsInterestOfAsync(string other, int filters = 1) => Eventually.TrueAsync(
        $"{Name} knows {filters} filters of {other}",
        () => JsonAsync("peers"),
        peers => peers.EnumerateArray().Any(p => p.GetProperty("name").GetString() == other
            && p.GetProperty("state").GetString() == "up" && p.GetProperty("interest").GetInt32() >= filters));

    /// <summary>Resident memory in bytes.</summary>
    public long ResidentBytes()
    {
        using Process process = Process.GetProcessById(Pid);
        return process.WorkingSet64;
    }

    /// <summary>Resident memory that is no copy of a file, in bytes (proc(5), "RssAnon").</summary>
    public long AnonymousBytes()
    {
        string line = File.ReadLines($"/proc/{Pid}/status")
            .First(l => l.StartsWith("RssAnon:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], null) * 1024;
    }

    /// <summary>Ends it with SIGTERM; returns the exit code.</summary>
    public async Task<int> TerminateAsync()
    {
        Signal(15);
        return (await WaitForExitAsync()).ExitCode;
    }

    /// <summary>Ends it with SIGKILL, as a crash would.</summary>
    public async Task KillAsync()
    {
        Signal(9);
        await WaitForExitAsync();
    }

    public override string ToString() => $"{Name} in {_folder}";

    private static string SocketPath(string folder, string name) => Path.Combine(folder, $"{name}.sock");

    private int Port(string key)
    {
        string value = ReadyLine.Split(' ').First(f => f.StartsWith(key, StringComparison.Ordinal))[key.Length..];
        return IPEndPoint.Parse(value.Contains(':', StringComparison.Ordinal) ? value : $"127.0.0.1:{value}").Port;
    }
}
