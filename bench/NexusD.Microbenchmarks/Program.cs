using BenchmarkDotNet.Running;

// One class per station of an event's way through the daemon. Quick look: -c Release -- --filter '*Router*' -j short -i
BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
