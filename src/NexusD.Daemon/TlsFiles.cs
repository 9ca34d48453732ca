using System.Security.Cryptography;
using NexusD.Daemon.Options;
using NexusD.Quic;

namespace NexusD.Daemon;

/// <summary>Reads the certificate, its key and the trusted authorities from the files that the options name.</summary>
internal static class TlsFiles
{
    /// <summary>The credentials, or null when no files are named.</summary>
    /// <exception cref="StartException">A file cannot be read or is not what it should be.</exception>
    public static QuicCredentials? Read(OptionSet options)
    {
        if (!options.IsSet(OptionTable.TlsCertificate))
        {
            return null;
        }

        string authoritiesPath = options.Get(OptionTable.TlsAuthorities);
        string authorities = ReadFile(options, OptionTable.TlsAuthorities);
        string certificate = ReadFile(options, OptionTable.TlsCertificate);
        string key = ReadFile(options, OptionTable.TlsKey);
        try
        {
            QuicCredentials credentials = QuicCredentials.FromPem(certificate, key, authorities);
            return credentials.Authenticated
                ? credentials
                : throw new StartException($"--tls-ca={authoritiesPath} holds no certificate in PEM form.");
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new StartException(
                $"the certificate {options.Get(OptionTable.TlsCertificate)} with the key"
                + $" {options.Get(OptionTable.TlsKey)} cannot be used: {e.Message.ReplaceLineEndings(" ")}");
        }
    }

    private static string ReadFile(OptionSet options, Option<string> option)
    {
        string path = options.Get(option);
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartException($"--{option.Name}={path} cannot be read: {e.Message}");
        }
    }
}
