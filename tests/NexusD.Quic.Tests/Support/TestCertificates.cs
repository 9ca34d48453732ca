using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace NexusD.Quic.Tests.Support;

/// <summary>
/// Certificates made for a test run: a cluster's authority with a node certificate, and a stranger's.
/// </summary>
internal static class TestCertificates
{
    public const string ServerName = "node.cluster.test";
    public const string ServerAuth = "1.3.6.1.5.5.7.3.1";
    public const string ClientAuth = "1.3.6.1.5.5.7.3.2";

    private static readonly X509Certificate2 _authority = MakeAuthority("CN=cluster authority");
    private static readonly X509Certificate2 _strangersAuthority = MakeAuthority("CN=another authority");

    /// <summary>
    /// A node of the cluster: own certificate from the authority, and the authority as the only trusted root.
    /// </summary>
    public static QuicCredentials Node { get; } = new(Issue(_authority), [_authority]);

    /// <summary>Trusts the cluster, but comes from elsewhere.</summary>
    public static QuicCredentials Rogue { get; } = new(Issue(_strangersAuthority), [_authority]);

    /// <summary>Encrypted but not authenticated.</summary>
    public static QuicCredentials Open { get; } = new(MakeSelfSigned("CN=open"), []);

    /// <summary>From the authority, but no longer valid.</summary>
    public static QuicCredentials Expired { get; } =
        new(Issue(_authority, validFor: TimeSpan.FromHours(-1)), [_authority]);

    /// <summary>From the authority, for servers only.</summary>
    public static QuicCredentials ServerOnly { get; } = new(Issue(_authority, usages: ServerAuth), [_authority]);

    /// <summary>A node whose certificate comes from an intermediate that it sends along; RSA, for a change.</summary>
    public static QuicCredentials NodeBehindIntermediate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=intermediate", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        using X509Certificate2 signed = Sign(request, _authority, TimeSpan.FromDays(1));
        X509Certificate2 intermediate = signed.CopyWithPrivateKey(key);
        using var leafKey = RSA.Create(2048);
        var leaf = new CertificateRequest(
            "CN=node", leafKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        AddLeafExtensions(leaf, ServerAuth, ClientAuth);
        using X509Certificate2 node = Sign(leaf, intermediate, TimeSpan.FromHours(12));
        return new QuicCredentials(node.CopyWithPrivateKey(leafKey), [_authority], [intermediate]);
    }

    private static X509Certificate2 MakeAuthority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(
            new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-2), DateTimeOffset.UtcNow.AddDays(30));
    }

    private static X509Certificate2 MakeSelfSigned(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-2), DateTimeOffset.UtcNow.AddDays(30));
    }

    private static X509Certificate2 Issue(X509Certificate2 issuer, TimeSpan? validFor = null, params string[] usages)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=node", key, HashAlgorithmName.SHA256);
        AddLeafExtensions(request, usages.Length > 0 ? usages : [ServerAuth, ClientAuth]);
        using X509Certificate2 signed = Sign(request, issuer, validFor ?? TimeSpan.FromDays(1));
        return signed.CopyWithPrivateKey(key);
    }

    private static void AddLeafExtensions(CertificateRequest request, params string[] usages)
    {
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(ServerName);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        var purposes = new OidCollection();
        foreach (string usage in usages)
        {
            purposes.Add(new Oid(usage));
        }

        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(purposes, false));
    }

    private static X509Certificate2 Sign(CertificateRequest request, X509Certificate2 issuer, TimeSpan validFor) =>
        request.Create(
            issuer.SubjectName,
            X509SignatureGenerator.CreateForECDsa(issuer.GetECDsaPrivateKey()!),
            DateTimeOffset.UtcNow.AddDays(-1),
            DateTimeOffset.UtcNow.Add(validFor),
            RandomNumberGenerator.GetBytes(12));
}
