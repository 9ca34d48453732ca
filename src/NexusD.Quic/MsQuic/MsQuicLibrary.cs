using System.Diagnostics.CodeAnalysis;
using System.Net.Quic;

namespace NexusD.Quic.MsQuic;

/// <summary>Whether System.Net.Quic finds libmsquic, which Debian does not package.</summary>
internal static class MsQuicLibrary
{
    private const string Switch = "NexusD.Quic.MsQuic.IsIncluded";

    /// <summary>
    /// Whether this engine is part of the program. A native program that never uses it may leave it out and save 3 MB
    /// on disk and 2 MB of memory; see NexusD.Quic.Aot.props.
    /// </summary>
    [FeatureSwitchDefinition(Switch)]
    public static bool IsIncluded => !AppContext.TryGetSwitch(Switch, out bool included) || included;

    /// <exception cref="QuicUnavailableException">
    /// libmsquic is missing, or IPv6 is switched off in the kernel.
    /// </exception>
    public static void EnsureLoaded()
    {
        if (!QuicConnection.IsSupported || !QuicListener.IsSupported)
        {
            throw new QuicUnavailableException(
                QuicEngineKind.MsQuic,
                "The QUIC engine msquic needs libmsquic.so.2, which was not found. Debian does not package it: " +
                "install libmsquic from Microsoft's package repository, or put libmsquic.so.2 beside the program " +
                "or on the loader's path. It also needs IPv6 to be switched on in the kernel. " +
                "The engine ngtcp2 needs neither.");
        }
    }
}
