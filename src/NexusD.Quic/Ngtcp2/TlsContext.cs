using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using NexusD.Quic.Native;

namespace NexusD.Quic.Ngtcp2;

/// <summary>
/// Certificate, key and trusted roots in GnuTLS's form, for both roles. Counted by its sessions: GnuTLS does not count
/// references to credentials, and after a reload the old ones must live as long as the last session made with them.
/// </summary>
internal sealed unsafe class TlsContext
{
    /// <summary>
    /// TLS 1.3 only (RFC 9001), AES-GCM first: GnuTLS's ChaCha20 is several times slower where the CPU has AES.
    /// </summary>
    private const string Priorities =
        "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:" +
        "-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:%DISABLE_TLS13_COMPAT_MODE";

    private static readonly Lazy<nint> _priorities = new(MakePriorities);

    private readonly nint _credentials;
    private readonly byte[] _alpn;
    private int _references = 1;

    /// <exception cref="CryptographicException">GnuTLS does not take the certificate, the key or the roots.</exception>
    public TlsContext(QuicCredentials credentials, string alpn)
    {
        Authenticated = credentials.Authenticated;
        _alpn = Encoding.ASCII.GetBytes(alpn);
        nint handle;
        Check(GnuTls.gnutls_certificate_allocate_credentials(&handle), "allocate credentials");
        _credentials = handle;
        try
        {
            LoadCertificate(credentials);
            LoadAuthorities(credentials.Authorities);
        }
        catch
        {
            GnuTls.gnutls_certificate_free_credentials(_credentials);
            throw;
        }
    }

    /// <summary>Whether peers must show a certificate that leads to a trusted root.</summary>
    public bool Authenticated { get; }

    public void Retain() => _references++;

    public void Release()
    {
        if (--_references == 0)
        {
            GnuTls.gnutls_certificate_free_credentials(_credentials);
        }
    }

    /// <summary>Applies priorities, credentials and ALPN to a new session.</summary>
    public void Configure(nint session)
    {
        Check(GnuTls.gnutls_priority_set(session, _priorities.Value), "set priorities");
        Check(GnuTls.gnutls_credentials_set(session, GnuTls.CredentialsCertificate, _credentials), "set credentials");
        fixed (byte* alpn = _alpn)
        {
            var datum = new GnuTls.Datum { Data = alpn, Size = (uint)_alpn.Length };
            Check(GnuTls.gnutls_alpn_set_protocols(session, &datum, 1, GnuTls.AlpnMandatory), "set ALPN");
        }
    }

    internal static void Check(int result, string step)
    {
        if (result < 0)
        {
            throw new CryptographicException($"GnuTLS refused to {step}: {GnuTls.ErrorText(result)}");
        }
    }

    private static nint MakePriorities()
    {
        nint handle;
        byte* position = null;
        fixed (byte* text = Encoding.ASCII.GetBytes(Priorities + '\0'))
        {
            Check(GnuTls.gnutls_priority_init(&handle, text, &position), "read the priority string");
        }

        return handle; // for the life of the process
    }

    private static byte[] ExportKey(X509Certificate2 certificate)
    {
        using RSA? rsa = certificate.GetRSAPrivateKey();
        if (rsa is not null)
        {
            return rsa.ExportPkcs8PrivateKey();
        }

        using ECDsa? ecdsa = certificate.GetECDsaPrivateKey();
        return ecdsa?.ExportPkcs8PrivateKey()
            ?? throw new CryptographicException("The private key is neither RSA nor ECDSA; QUIC needs one of these.");
    }

    private void LoadCertificate(QuicCredentials credentials)
    {
        var chain = new StringBuilder(credentials.Certificate.ExportCertificatePem());
        foreach (X509Certificate2 intermediate in credentials.Intermediates)
        {
            chain.Append('\n').Append(intermediate.ExportCertificatePem());
        }

        byte[] certificates = Encoding.ASCII.GetBytes(chain.Append('\n').ToString());
        byte[] key = ExportKey(credentials.Certificate);
        byte[] keyPem = new byte[PemEncoding.GetEncodedSize("PRIVATE KEY".Length, key.Length)];
        try
        {
            PemEncoding.TryWriteUtf8("PRIVATE KEY"u8, key, keyPem, out int written);
            fixed (byte* certificateBytes = certificates, keyBytes = keyPem)
            {
                var certificateDatum = new GnuTls.Datum { Data = certificateBytes, Size = (uint)certificates.Length };
                var keyDatum = new GnuTls.Datum { Data = keyBytes, Size = (uint)written };
                int result = GnuTls.gnutls_certificate_set_x509_key_mem(
                    _credentials, &certificateDatum, &keyDatum, GnuTls.FormatPem);
                Check(result, "take the certificate and its key");
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
            CryptographicOperations.ZeroMemory(keyPem);
        }
    }

    private void LoadAuthorities(X509Certificate2Collection authorities)
    {
        if (authorities.Count == 0)
        {
            return;
        }

        byte[] pem = Encoding.ASCII.GetBytes(authorities.ExportCertificatePems() + '\n');
        fixed (byte* bytes = pem)
        {
            var datum = new GnuTls.Datum { Data = bytes, Size = (uint)pem.Length };
            int taken = GnuTls.gnutls_certificate_set_x509_trust_mem(_credentials, &datum, GnuTls.FormatPem);
            Check(taken, "take the trusted roots");
        }
    }
}
