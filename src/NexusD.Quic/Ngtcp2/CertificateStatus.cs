namespace NexusD.Quic.Ngtcp2;

/// <summary>The bits of gnutls_certificate_status_t in words a person can act on.</summary>
internal static class CertificateStatus
{
    private static readonly (int Bit, string Text)[] _reasons =
    [
        (5, "it is revoked"),
        (6, "its issuer is not among the trusted authorities"),
        (7, "its issuer is not a certificate authority"),
        (8, "it uses an insecure algorithm"),
        (9, "it is not valid yet (check the clocks)"),
        (10, "it has expired (check the clocks)"),
        (11, "its signature is wrong"),
        (14, "it does not carry the expected name"),
        (16, "its issuer's constraints forbid it"),
        (18, "its extended key usage does not allow this role (it needs serverAuth and clientAuth, or none)"),
        (21, "it has an unknown critical extension"),
    ];

    public static string Describe(uint status)
    {
        string reasons = string.Join(", ", _reasons.Where(r => (status & (1u << r.Bit)) != 0).Select(r => r.Text));
        return reasons.Length > 0
            ? $"the peer's certificate was refused: {reasons}"
            : $"the peer's certificate was refused (GnuTLS status 0x{status:x})";
    }
}
