namespace Nexusctl;

/// <summary>What the shell learns. Shown in <c>nexusctl --help</c>; scripts depend on the numbers.</summary>
internal static class ExitCode
{
    /// <summary>Done.</summary>
    internal const int Done = 0;

    /// <summary>Something was refused or could not be read or written.</summary>
    internal const int Failed = 1;

    /// <summary>The command line is wrong.</summary>
    internal const int Usage = 2;

    /// <summary><c>--timeout</c> ran out before what was waited for came.</summary>
    internal const int TimedOut = 3;

    /// <summary>No daemon could be reached.</summary>
    internal const int NoConnection = 4;

    /// <summary>Ended by Ctrl-C or SIGTERM before it was done (128 + 2, as shells count).</summary>
    internal const int Interrupted = 130;
}
