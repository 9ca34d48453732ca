using System.Runtime.InteropServices;
using NexusD.Loops;
using NexusD.Quic.MsQuic;
using NexusD.Quic.Native;
using NexusD.Quic.Ngtcp2;

namespace NexusD.Quic;

/// <summary>
/// Makes endpoints. This library is a QUIC engine behind a small seam (<see cref="IQuicEndpoint"/>): batches of bytes
/// for a stream, in and out, on the caller's event loop. It sees Buffers and Loops, owns the UDP socket and the native
/// libraries, and knows nothing of what is carried.
/// </summary>
public static class QuicEndpoint
{
    /// <summary>
    /// Opens an endpoint that belongs to <paramref name="loop"/>; call it, and everything on the endpoint, on the
    /// loop's thread or before the loop runs.
    /// </summary>
    /// <exception cref="QuicUnavailableException">
    /// A native library is missing; the message says what to install.
    /// </exception>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    /// <exception cref="System.Net.Sockets.SocketException">The address cannot be bound.</exception>
    /// <exception cref="System.Security.Cryptography.CryptographicException">
    /// The credentials are not usable.
    /// </exception>
    public static IQuicEndpoint Create(QuicEngineKind kind, EventLoop loop, QuicEndpointOptions options)
    {
        ArgumentNullException.ThrowIfNull(loop);
        QuicOptionsCheck.Check(options);
        return kind switch
        {
            QuicEngineKind.Ngtcp2 => new Ngtcp2Endpoint(loop, options),
            QuicEngineKind.MsQuic when MsQuicLibrary.IsIncluded => new MsQuicEndpoint(loop, options),
            QuicEngineKind.MsQuic => throw LeftOut(),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "There is no such engine."),
        };
    }

    /// <summary>Whether the engine can run here; if not, <paramref name="reason"/> says what to install.</summary>
    public static bool IsAvailable(QuicEngineKind kind, out string reason)
    {
        try
        {
            reason = Describe(kind);
            return true;
        }
        catch (QuicUnavailableException e)
        {
            reason = e.Message;
            return false;
        }
    }

    /// <summary>One line for logs: engine, versions, how it was found.</summary>
    /// <exception cref="QuicUnavailableException">A native library is missing.</exception>
    public static unsafe string Describe(QuicEngineKind kind)
    {
        if (kind == QuicEngineKind.MsQuic)
        {
            if (!MsQuicLibrary.IsIncluded)
            {
                throw LeftOut();
            }

            MsQuicLibrary.EnsureLoaded();
            return "msquic (System.Net.Quic)";
        }

        NativeLibraries.EnsureLoaded();
        string? ngtcp2 = Marshal.PtrToStringUTF8((nint)NgTcp2.ngtcp2_version(0)->VersionText);
        string? gnutls = Marshal.PtrToStringUTF8((nint)GnuTls.gnutls_check_version(null));
        return $"ngtcp2 {ngtcp2} ({(NativeLibraries.LinkedIn ? "linked in" : "shared library")}), GnuTLS {gnutls}";
    }

    private static QuicUnavailableException LeftOut() => new(
        QuicEngineKind.MsQuic, "This program was built without the QUIC engine msquic; use ngtcp2.");
}
