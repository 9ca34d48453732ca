using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using NexusD.Quic;

namespace NexusD.Peering;

/// <summary>
/// A certificate for a node that was given none: it makes encryption possible and proves nothing, so whoever accepts it
/// is open to a man in the middle. The daemon warns of that.
/// </summary>
public static class SelfSignedCertificate
{
    /// <summary>ECDSA P-256, valid from a day ago (clocks differ) for ten years; in memory only.</summary>
    /// <param name="nodeName">Common name; characters that X.500 gives a meaning to are quoted.</param>
    public static X509Certificate2 Create(string nodeName)
    {
        ArgumentException.ThrowIfNullOrEmpty(nodeName);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var name = new X500DistinguishedNameBuilder();
        name.AddCommonName(nodeName.Length <= 64 ? nodeName : nodeName[..64]);
        var request = new CertificateRequest(name.Build(), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        return request.CreateSelfSigned(now.AddDays(-1), now.AddYears(10));
    }

    /// <summary>Credentials that trust everybody.</summary>
    public static QuicCredentials CreateCredentials(string nodeName) => new(Create(nodeName), []);
}
