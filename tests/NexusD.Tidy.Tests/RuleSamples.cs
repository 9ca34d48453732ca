// tidy: allow leftover-marker - samples of what the rule must find
// tidy: allow machine-path - samples of what the rule must find
namespace NexusD.Tidy.Tests;

/// <summary>For each rule what it must find. A rule without a sample here fails a test.</summary>
internal static class RuleSamples
{
    public static IReadOnlyList<RuleSample> All { get; } =
    [
        new("file-length", [0], ("src/A/Long.cs", Repeat("// x\n", 501)), ("src/A/Fits.cs", Repeat("// x\n", 500))),
        new("file-length", [0], ("tools/long.sh", Repeat(": x\n", 501)), ("docs/long.md", Repeat("x\n", 900))),
        new("method-length", [5], ("src/A/A.cs", Method(71)), ("src/A/B.cs", Method(70))),
        new("method-length", [3], ("src/A/A.cs", Property(71)), ("src/A/B.cs", Property(70))),
        new("method-length", [2, 4], ("src/A/A.cs", LocalFunction(71))),
        new("line-length", [2], ("src/A/A.cs", "//\n" + new string('/', 121) + "\n" + new string('/', 120) + "\n")),
        new("line-length", [1], ("a.py", "#" + Repeat("x", 120) + "\n"), ("b.py", "#" + Repeat("e\u0301", 100) + "\n")),
        new("whitespace", [2], ("src/A/A.cs", "//\n// \n//\n")),
        new("whitespace", [1], ("src/A/A.cs", "//\r\n//\n")),
        new("whitespace", [1], ("README.md", "no line break")),
        new("whitespace", [1], ("README.md", "one too many\n\n")),
        new("leftover-marker", [2], ("src/A/A.cs", "// done\n// TODO later\n// todo list\n")),
        new("leftover-marker", [1], ("docs/a.md", "FIXME\n"), ("tools/a.sh", "mktemp a.XXXXXX\n")),
        .. BlockingCalls(),
        .. PathsAndHosts(),
        .. Names(),
        .. Documents(),
        .. Projects(),
    ];

    private static IEnumerable<RuleSample> BlockingCalls()
    {
        foreach (var bad in new[]
        {
            "Thread.Sleep(1);", "System.Threading.Thread.Sleep(1);", "var x = ReadAsync().Result;",
            "var x = _readTask.Result;", "(ReadAsync(1)).Wait(5);", "done.Wait();", "task.Wait(10);",
            "ReadAsync().GetAwaiter().GetResult();", "async void Lost() { }",
        })
        {
            yield return new("blocking-call", [4], ("src/A/A.cs", Body(bad)));
        }

        // Tests may wait for a task, never for the clock.
        yield return new(
            "blocking-call", [4],
            ("tests/A/A.cs", Body("Thread.Sleep(5);")),
            ("tests/A/B.cs", Body("task.Wait(5);")),
            ("src/A/A.cs", Body("var n = _epoll.Wait(5) + queue.Result; Sleep(); // Thread.Sleep(1)")));
        yield return new("blocking-call", [2], ("tools/a/A.cs", "class A {\n  public async void Lost() { }\n}\n"));
    }

    private static IEnumerable<RuleSample> PathsAndHosts()
    {
        yield return new("machine-path", [1, 2], ("docs/a.md", "see /work/x\nand '/root/.profile'\n"));
        yield return new(
            "machine-path", [1],
            ("src/A/A.cs", "\"/tmp/a.sock\"\n\"plant/work/1\" \"${TMPDIR:-/tmp}/a\" \"*/tmp/x\" \"/run/a\"\n"),
            ("README.md", "--app-socket=/tmp/nexusd.sock\n"));
        yield return new(
            "registry-host", [2],
            ("nuget.config", "<a>\n<add value=\"https://api." + "nuget" + ".org/v3\" />\n</a>\n"));
        yield return new(
            "registry-host", [1], ("tools/a.sh", "# http://deb." + "debian" + ".org/debian\n# debian.org\n"));
    }

    private static IEnumerable<RuleSample> Names()
    {
        yield return new("folder-name", [0], ("src/A/Utils/B.cs", ""), ("src/A/Commonwealth/B.cs", ""), ("Core", ""));
        yield return new("folder-name", [0], ("src/NexusD.Core/B.cs", ""), ("src/A/Core.cs", ""));
        yield return new(
            "namespace", [1],
            ("src/NexusD.A/NexusD.A.csproj", "<Project />"),
            ("src/NexusD.A/Deep/Wrong.cs", "namespace NexusD.A;\n"),
            ("src/NexusD.A/Deep/Right.cs", "namespace NexusD.A.Deep;\n"),
            ("src/NexusD.A/Program.cs", "return 0;\n"));
        yield return new(
            "log-event-id", [2],
            ("src/A/ALog.cs", "partial class A {\n[LoggerMessage(7, LogLevel.Error, \"a\")] partial void X(); }\n"),
            ("src/B/BLog.cs", "partial class B {\n[LoggerMessage(EventId = 7, Message = \"b\")] partial void Y(); }\n"),
            ("src/C/CLog.cs", "partial class C {\n[LoggerMessage(EventId = 8)] partial void Y(); }\n"));
        yield return new(
            "log-event-id", [1],
            ("src/A/ALog.cs", "partial class A { [LoggerMessage(Message = \"b\")] partial void Y(); }\n"));
    }

    private static IEnumerable<RuleSample> Documents()
    {
        yield return new(
            "document-path", [2, 3, 3],
            ("docs/ARCHITECTURE.md",
                "`src/NexusD.A/A.cs` `A/A.cs` `src/NexusD.A/` `a/b/c` `tools`\n`src/B.cs`\n`Gone.cs` `docs/x`\n"),
            ("docs/adr/0001.md", "`src/Gone.cs`\n"),
            ("src/NexusD.A/A.cs", ""));
        yield return new(
            "required-file", [0],
            [.. Required("README.md", "CONTRIBUTING.md", "LICENSE", "docs/protocol/README.md",
                "docs/protocol/app-v1.md", "docs/protocol/peer-v1.md", "docs/protocol/topics.md",
                "docs/protocol/beacon.md")]);
    }

    private static IEnumerable<RuleSample> Projects()
    {
        yield return Reference("src/NexusD.Peering/NexusD.Peering.csproj", "../NexusD.Sessions/NexusD.Sessions.csproj");
        yield return Reference("src/NexusD.Quic/NexusD.Quic.csproj", "..\\NexusD.Protocol\\NexusD.Protocol.csproj");
        yield return Reference("tools/nexusctl/nexusctl.csproj", "../../src/NexusD.Daemon/NexusD.Daemon.csproj");
        yield return Reference("src/clients/dotnet/X/X.csproj", "../../../NexusD.Routing/NexusD.Routing.csproj");
        yield return new(
            "project-reference", [0],
            ("src/NexusD.Daemon/NexusD.Daemon.csproj", ReferenceTo("../NexusD.Peering/NexusD.Peering.csproj")),
            ("tools/nexusctl/nexusctl.csproj", ReferenceTo("../../src/clients/dotnet/X/X.csproj")),
            ("src/NexusD.New/NexusD.New.csproj", "<Project />"));
        yield return new(
            "project-reference", [0],
            ("src/NexusD.Protocol/NexusD.Protocol.csproj", "<Project><PackageReference Include=\"X\" /></Project>"));
        yield return new(
            "project-file", [0, 0],
            ("NexusD.sln", "Project(\"{1}\") = \"A\", \"src\\A\\A.csproj\", \"{2}\"\n"),
            ("src/A/A.csproj", "<Project><PackageReference Include=\"X\" Version=\"1.0\" /></Project>"),
            ("src/B/B.csproj", "<Project />"));
    }

    private static RuleSample Reference(string project, string target) =>
        new("project-reference", [0], (project, ReferenceTo(target)));

    private static string ReferenceTo(string target) =>
        $"<Project><ItemGroup><ProjectReference Include=\"{target}\" /></ItemGroup></Project>";

    private static IEnumerable<(string Path, string Text)> Required(params string[] paths) =>
        paths.Select(static p => (p, "x\n"));

    private static string Repeat(string text, int times) => string.Concat(Enumerable.Repeat(text, times));

    private static string Body(string statement) => $"class A\n{{\n  void B() {{\n    {statement}\n  }}\n}}\n";

    // The comment and the attribute above the method do not count.
    private static string Method(int lines) =>
        $"class A\n{{\n// why\n[Fact]\nvoid B()\n{{\n{Repeat("x++;\n", lines - 3)}}}\n}}\n";

    private static string Property(int lines) =>
        $"class A\n{{ int B {{\nget {{\n{Repeat("x++;\n", lines - 2)}}} }}\n}}\n";

    private static string LocalFunction(int lines) =>
        $"Run();\nvoid Run()\n{{ Inner();\nvoid Inner()\n{{\n{Repeat("x++;\n", lines - 3)}}} }}\n";
}
