using System.Runtime.InteropServices;

namespace NexusD.Quic.Native;

/// <summary>
/// The functions of libngtcp2 that we use (ngtcp2/ngtcp2.h, 1.11; the versioned forms behind its macros). Debian's
/// build has its asserts compiled in: a wrong argument ends the process, so callers pass checked values only.
/// Connections are
/// <c>ngtcp2_conn *</c> as <see cref="nint"/>; times are nanoseconds of a clock that never goes back.
/// </summary>
internal static unsafe class NgTcp2
{
    public const string Library = "ngtcp2";

    public const uint ProtocolVersion1 = 1;
    public const int StatelessResetTokenLength = 16;
    public const int MinStatelessResetRandomLength = 5;
    public const int MinUdpPayload = 1200;
    public const int MinInitialDestinationCid = 8;

    /// <summary>ngtcp2_connection_id_status_type: we begin to send to this connection ID of the peer.</summary>
    public const int ConnectionIdActivated = 0;
    public const ulong Never = ulong.MaxValue;
    public const ulong MaxVarInt = (1UL << 62) - 1;

    public const uint WriteStreamMore = 0x01;
    public const uint WriteStreamFin = 0x02;
    public const uint StreamDataFin = 0x01;
    public const uint StreamCloseErrorSet = 0x01;

    [DllImport(Library)]
    public static extern NgInfo* ngtcp2_version(int leastVersion);

    [DllImport(Library)]
    public static extern byte* ngtcp2_strerror(int error);

    [DllImport(Library)]
    public static extern int ngtcp2_err_is_fatal(int error);

    [DllImport(Library)]
    public static extern void ngtcp2_settings_default_versioned(int version, NgSettings* settings);

    [DllImport(Library)]
    public static extern void ngtcp2_transport_params_default_versioned(int version, NgTransportParameters* parameters);

    [DllImport(Library)]
    public static extern int ngtcp2_pkt_decode_version_cid(
        NgVersionCid* result, byte* data, nuint length, nuint shortCidLength);

    [DllImport(Library)]
    public static extern int ngtcp2_accept(NgPacketHeader* result, byte* packet, nuint length);

    [DllImport(Library)]
    public static extern nint ngtcp2_pkt_write_version_negotiation(
        byte* dest, nuint destLength, byte unusedRandom, byte* dcid, nuint dcidLength, byte* scid, nuint scidLength,
        uint* versions, nuint versionCount);

    [DllImport(Library)]
    public static extern nint ngtcp2_pkt_write_stateless_reset(
        byte* dest, nuint destLength, byte* token, byte* random, nuint randomLength);

    [DllImport(Library)]
    public static extern int ngtcp2_conn_client_new_versioned(
        nint* connection, NgCid* dcid, NgCid* scid, NgPath* path, uint version,
        int callbacksVersion, NgCallbacks* callbacks, int settingsVersion, NgSettings* settings,
        int parametersVersion, NgTransportParameters* parameters, void* memory, nint userData);

    [DllImport(Library)]
    public static extern int ngtcp2_conn_server_new_versioned(
        nint* connection, NgCid* dcid, NgCid* scid, NgPath* path, uint version,
        int callbacksVersion, NgCallbacks* callbacks, int settingsVersion, NgSettings* settings,
        int parametersVersion, NgTransportParameters* parameters, void* memory, nint userData);

    [DllImport(Library)]
    public static extern void ngtcp2_conn_del(nint connection);

    [DllImport(Library)]
    public static extern void ngtcp2_conn_set_tls_native_handle(nint connection, nint session);

    [DllImport(Library)]
    public static extern void ngtcp2_conn_set_keep_alive_timeout(nint connection, ulong timeout);

    [DllImport(Library)]
    public static extern int ngtcp2_conn_read_pkt_versioned(
        nint connection, NgPath* path, int infoVersion, NgPacketInfo* info, byte* packet, nuint length, ulong now);

    [DllImport(Library)]
    public static extern nint ngtcp2_conn_writev_stream_versioned(
        nint connection, NgPath* path, int infoVersion, NgPacketInfo* info, byte* dest, nuint destLength, nint* taken,
        uint flags, long stream, NgVec* data, nuint dataCount, ulong now);

    [DllImport(Library)]
    public static extern nint ngtcp2_conn_write_connection_close_versioned(
        nint connection, NgPath* path, int infoVersion, NgPacketInfo* info, byte* dest, nuint destLength,
        NgCloseError* error, ulong now);

    [DllImport(Library)]
    public static extern void ngtcp2_conn_update_pkt_tx_time(nint connection, ulong now);

    [DllImport(Library)]
    public static extern int ngtcp2_conn_handle_expiry(nint connection, ulong now);

    [DllImport(Library), SuppressGCTransition]
    public static extern ulong ngtcp2_conn_get_expiry(nint connection);

    [DllImport(Library), SuppressGCTransition]
    public static extern ulong ngtcp2_conn_get_pto(nint connection);

    [DllImport(Library)]
    public static extern int ngtcp2_conn_open_bidi_stream(nint connection, long* stream, nint userData);

    [DllImport(Library)]
    public static extern int ngtcp2_conn_open_uni_stream(nint connection, long* stream, nint userData);

    [DllImport(Library)]
    public static extern int ngtcp2_conn_shutdown_stream_write(
        nint connection, uint flags, long stream, ulong errorCode);

    [DllImport(Library)]
    public static extern int ngtcp2_conn_shutdown_stream_read(
        nint connection, uint flags, long stream, ulong errorCode);

    [DllImport(Library), SuppressGCTransition]
    public static extern int ngtcp2_conn_extend_max_stream_offset(nint connection, long stream, ulong bytes);

    [DllImport(Library), SuppressGCTransition]
    public static extern void ngtcp2_conn_extend_max_offset(nint connection, ulong bytes);

    [DllImport(Library)]
    public static extern void ngtcp2_conn_extend_max_streams_bidi(nint connection, nuint count);

    [DllImport(Library)]
    public static extern void ngtcp2_conn_extend_max_streams_uni(nint connection, nuint count);

    [DllImport(Library), SuppressGCTransition]
    public static extern ulong ngtcp2_conn_get_max_data_left(nint connection);

    [DllImport(Library), SuppressGCTransition]
    public static extern nuint ngtcp2_conn_get_path_max_tx_udp_payload_size(nint connection);

    [DllImport(Library), SuppressGCTransition]
    public static extern nuint ngtcp2_conn_get_send_quantum(nint connection);

    [DllImport(Library), SuppressGCTransition]
    public static extern nuint ngtcp2_conn_get_stream_loss_count(nint connection, long stream);

    [DllImport(Library)]
    public static extern void ngtcp2_conn_get_conn_info_versioned(nint connection, int version, NgConnectionInfo* info);

    [DllImport(Library)]
    public static extern NgPath* ngtcp2_conn_get_path(nint connection);

    [DllImport(Library)]
    public static extern NgCloseError* ngtcp2_conn_get_ccerr(nint connection);

    [DllImport(Library)]
    public static extern byte ngtcp2_conn_get_tls_alert(nint connection);

    [DllImport(Library)]
    public static extern int ngtcp2_conn_is_local_stream(nint connection, long stream);

    [DllImport(Library)]
    public static extern int ngtcp2_conn_initiate_key_update(nint connection, ulong now);

    [DllImport(Library)]
    public static extern void ngtcp2_ccerr_default(NgCloseError* error);

    [DllImport(Library)]
    public static extern void ngtcp2_ccerr_set_transport_error(
        NgCloseError* error, ulong code, byte* reason, nuint reasonLength);

    [DllImport(Library)]
    public static extern void ngtcp2_ccerr_set_application_error(
        NgCloseError* error, ulong code, byte* reason, nuint reasonLength);

    [DllImport(Library)]
    public static extern void ngtcp2_ccerr_set_liberr(NgCloseError* error, int code, byte* reason, nuint reasonLength);

    [DllImport(Library)]
    public static extern void ngtcp2_ccerr_set_tls_alert(
        NgCloseError* error, byte alert, byte* reason, nuint reasonLength);

    /// <summary>ngtcp2's own words for one of its error codes.</summary>
    public static string ErrorText(int error) => Marshal.PtrToStringUTF8((nint)ngtcp2_strerror(error)) ?? "";
}
