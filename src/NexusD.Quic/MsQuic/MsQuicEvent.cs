using NexusD.Buffers;

namespace NexusD.Quic.MsQuic;

/// <summary>Something that happened on one of msquic's threads, on its way to the loop.</summary>
internal readonly record struct MsQuicEvent(
    MsQuicEventKind Kind,
    MsQuicConnection Connection,
    MsQuicStream? Stream = null,
    Slab? Slab = null,
    int Length = 0,
    bool End = false,
    ulong ErrorCode = 0,
    QuicCloseInfo Info = default);

internal enum MsQuicEventKind
{
    Connected,
    StreamOpened,

    /// <summary>Carries a slab that the loop releases after telling the user.</summary>
    Data,

    /// <summary>A write is through; Length bytes are the peer's.</summary>
    Written,
    ReadAborted,
    WriteAborted,

    /// <summary>The peer allows Length more bidirectional (End false) or unidirectional (End true) streams.</summary>
    MoreStreams,
    Closed,
}
