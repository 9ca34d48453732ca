using Nexusctl.Arguments;

namespace Nexusctl.Input;

/// <summary>Opens what a path on the command line names.</summary>
internal static class InputFile
{
    /// <param name="path">A file, or <c>-</c> for standard input.</param>
    internal static Stream Open(string path)
    {
        if (path == "-")
        {
            return Console.OpenStandardInput();
        }

        if (!File.Exists(path))
        {
            throw new UsageException(
                Directory.Exists(path) ? $"'{path}' is a folder; give a file." : $"there is no file '{path}'.");
        }

        return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 1);
    }

    internal static long LengthOf(Stream stream) => stream.CanSeek ? stream.Length : 0;
}
