using System.Reflection;
using System.Runtime.InteropServices;

namespace NexusD.Quic.Native;

/// <summary>
/// Finds ngtcp2 and GnuTLS. A native program built with NexusD.Quic.Aot.props has ngtcp2 inside; everything else loads
/// Debian's shared libraries. Also hands out the addresses of C functions that serve as callbacks: a DllImport method
/// has no address that C could call.
/// </summary>
internal static class NativeLibraries
{
    private const string CryptoProbe = "ngtcp2_crypto_encrypt_cb";

    private static readonly (string Name, string File, string Package)[] _libraries =
    [
        (GnuTls.Library, "libgnutls.so.30", "libgnutls30"),
        (NgTcp2.Library, "libngtcp2.so.16", "libngtcp2-16"),
        (NgTcp2Crypto.Library, "libngtcp2_crypto_gnutls.so.8", "libngtcp2-crypto-gnutls8"),
    ];

    private static readonly Lock _lock = new();
    private static readonly Dictionary<string, nint> _handles = [];
    private static bool _resolverSet;
    private static bool _linkedIn;

    /// <summary>Whether ngtcp2 is part of the program rather than a shared library.</summary>
    public static bool LinkedIn
    {
        get
        {
            EnsureLoaded();
            return _linkedIn;
        }
    }

    /// <summary>Makes sure that all calls will find their library.</summary>
    /// <exception cref="QuicUnavailableException">One is missing; the message names the Debian package.</exception>
    public static void EnsureLoaded()
    {
        lock (_lock)
        {
            if (_linkedIn || _handles.Count == _libraries.Length)
            {
                return;
            }

            if (NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), CryptoProbe, out _))
            {
                _linkedIn = true;
                return;
            }

            foreach ((string name, string file, string package) in _libraries)
            {
                if (!_handles.ContainsKey(name))
                {
                    _handles[name] = Load(file, package);
                }
            }

            if (!_resolverSet)
            {
                _resolverSet = true;
                NativeLibrary.SetDllImportResolver(typeof(NativeLibraries).Assembly, Resolve);
            }
        }
    }

    /// <summary>The address of one of ngtcp2's ready-made callbacks.</summary>
    public static nint GetCallback(string name)
    {
        EnsureLoaded();
        nint library = _linkedIn ? NativeLibrary.GetMainProgramHandle() : _handles[NgTcp2Crypto.Library];
        return NativeLibrary.GetExport(library, name);
    }

    private static nint Load(string file, string package)
    {
        if (NativeLibrary.TryLoad(file, out nint handle))
        {
            return handle;
        }

        throw new QuicUnavailableException(
            QuicEngineKind.Ngtcp2,
            $"The QUIC engine ngtcp2 needs {file}, which is not installed. On Debian: apt-get install {package} " +
            "(bookworm has it in bookworm-backports).");
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path)
    {
        lock (_lock)
        {
            return _handles.TryGetValue(name, out nint handle) ? handle : 0;
        }
    }
}
