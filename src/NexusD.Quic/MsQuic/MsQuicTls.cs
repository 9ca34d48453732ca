using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace NexusD.Quic.MsQuic;

/// <summary>
/// Credentials in the form of SslStream's options, with a check of the peer's certificate that asks our own roots only.
/// </summary>
internal sealed class MsQuicTls
{
    private const string ServerPurpose = "1.3.6.1.5.5.7.3.1"; // id-kp-serverAuth (RFC 5280 section 4.2.1.12)
    private const string ClientPurpose = "1.3.6.1.5.5.7.3.2"; // id-kp-clientAuth

    private readonly QuicCredentials _credentials;
    private readonly SslStreamCertificateContext _context;
    private readonly List<SslApplicationProtocol> _protocols;

    public MsQuicTls(QuicCredentials credentials, string alpn)
    {
        _credentials = credentials;
        _context = SslStreamCertificateContext.Create(
            credentials.Certificate, credentials.Intermediates, offline: true);
        _protocols = [new SslApplicationProtocol(alpn)];
    }

    /// <param name="complain">Called with the reason when the server's certificate is refused.</param>
    /// <param name="serverName">A name that it must carry, or null.</param>
    /// <param name="fallbackName">Something for SNI's place when there is no name.</param>
    public SslClientAuthenticationOptions ForClient(Action<string> complain, string? serverName, string fallbackName) =>
        new()
        {
            ApplicationProtocols = _protocols,
            ClientCertificateContext = _context,
            EnabledSslProtocols = SslProtocols.Tls13,
            TargetHost = serverName ?? fallbackName,
            RemoteCertificateValidationCallback =
                (_, certificate, chain, _) => IsTrusted(certificate, chain, ServerPurpose, serverName, complain),
        };

    /// <param name="complain">Called with the reason when the client's certificate is refused.</param>
    public SslServerAuthenticationOptions ForServer(Action<string> complain) => new()
    {
        ApplicationProtocols = _protocols,
        ServerCertificateContext = _context,
        ClientCertificateRequired = true,
        EnabledSslProtocols = SslProtocols.Tls13,
        RemoteCertificateValidationCallback =
            (_, certificate, chain, _) => IsTrusted(certificate, chain, ClientPurpose, null, complain),
    };

    private bool IsTrusted(
        X509Certificate? certificate, X509Chain? sent, string purpose, string? name, Action<string> complain)
    {
        if (!_credentials.Authenticated)
        {
            return true;
        }

        string? reason = certificate is X509Certificate2 shown
            ? Judge(shown, sent, purpose, name)
            : "it showed none";
        if (reason is not null)
        {
            complain($"the peer's certificate was refused: {reason}");
        }

        return reason is null;
    }

    private string? Judge(X509Certificate2 certificate, X509Chain? sent, string purpose, string? name)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(_credentials.Authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(purpose));
        if (sent is not null)
        {
            chain.ChainPolicy.ExtraStore.AddRange(sent.ChainPolicy.ExtraStore);
        }

        if (!chain.Build(certificate))
        {
            return string.Join(", ", chain.ChainStatus.Select(s => s.StatusInformation.Trim().TrimEnd('.')).Distinct());
        }

        return name is null || certificate.MatchesHostname(name) ? null : "it does not carry the expected name";
    }
}
