"""Frames that a client sends (docs/protocol/app-v1.md)."""

from __future__ import annotations

import struct
from typing import List, NamedTuple, Optional, Sequence

from . import properties

VERSION = 1
GREETING = b"NXD1" + bytes([VERSION, VERSION, 0, 0])

HELLO = 0x01
TOPIC = 0x02
PUBLISH = 0x03
SUBSCRIBE = 0x04
UNSUBSCRIBE = 0x05
CREDIT = 0x06
PING = 0x07
PONG = 0x08
QUERY = 0x09
BYE_KIND = 0x0A
PAUSE = 0x0B

RETAIN = 0x01
ACKNOWLEDGE = 0x02

DEFAULT_MAX_ALIASES = 65_536
DEFAULT_MAX_FRAME = 4_260_096
LARGEST_FRAME = 67_174_656  # for a payload of 64 MiB, the most that a daemon can be told to take
DEFAULT_MAX_PAYLOAD = 4_194_304
PUBLISH_HEADER_BYTES = 12
# A PUBLISH with more than one event is at most so long.
MAX_RUN_BYTES = 32_768
MAX_QUERY_BYTES = 1_088
MAX_FILTERS = 1_024
TOKEN_BYTES = 16
# Of a subscription that is to be kept: what was sent and not confirmed is held by the daemon.
MAX_KEPT_CREDIT = 16 << 20

_PUBLISH = struct.Struct("<IBBHI")
_TOPIC = struct.Struct("<IBBHI")
_SUBSCRIBE = struct.Struct("<IBBHIIII")
_CREDIT = struct.Struct("<IBBHII")
_SHORT = struct.Struct("<IBBHI")
_PING = struct.Struct("<IBBHQ")
_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")
_POSITION = struct.Struct("<QQ")
_RESUME = struct.Struct("<QQQB")

BYE = struct.pack("<IBBH", 4, BYE_KIND, 0, 0)

# Most payloads are short: their size fields need no packing.
SIZES: List[bytes] = [_U32.pack(n) for n in range(2048)]


class ResumeEntry(NamedTuple):
    """The last event that a subscription had of a publisher in a priority class."""

    publisher: int
    number: int
    timestamp: int
    priority: int


class Position(NamedTuple):
    """How far a kept subscription was received: DELIVER and GAP frames."""

    runs: int
    gaps: int


def size_field(length: int) -> bytes:
    """The four bytes before a payload."""
    return SIZES[length] if length < 2048 else _U32.pack(length)


def client_greeting(least: int = VERSION, most: int = VERSION) -> bytes:
    """The eight bytes that a connection begins with."""
    return b"NXD1" + bytes([least, most, 0, 0])


def hello(
    client_name: bytes = b"",
    client_library: bytes = b"",
    publisher_id: int = 0,
    next_number: int = 1,
    max_aliases: int = DEFAULT_MAX_ALIASES,
    max_frame: int = DEFAULT_MAX_FRAME,
    token: bytes = b"",
) -> bytes:
    """HELLO; what has its default is left out."""
    parts = []
    if client_name:
        parts.append(properties.pack(0x10, client_name))
    if client_library:
        parts.append(properties.pack(0x11, client_library))
    if publisher_id:
        parts.append(properties.pack(0x12, _U64.pack(publisher_id)))
    if next_number != 1:
        parts.append(properties.pack(0x13, _U64.pack(next_number)))
    if max_aliases != DEFAULT_MAX_ALIASES:
        parts.append(properties.pack(0x14, _U32.pack(max_aliases)))
    if max_frame != DEFAULT_MAX_FRAME:
        parts.append(properties.pack(0x15, _U32.pack(max_frame)))
    if token:
        parts.append(properties.pack(0x16, token))
    body = b"".join(parts)
    return struct.pack("<IBBH", 4 + len(body), HELLO, 0, 0) + body


def topic(alias: int, name: bytes) -> bytes:
    """TOPIC: declares an alias."""
    return _TOPIC.pack(8 + len(name), TOPIC, 0, 0, alias) + name


def publish_header(frame_bytes: int, flags: int, property_bytes: int, alias: int) -> bytes:
    """The fixed fields of a PUBLISH of ``frame_bytes`` bytes in all."""
    return _PUBLISH.pack(frame_bytes - 4, PUBLISH, flags, property_bytes, alias)


def publish(payloads: Sequence[bytes], flags: int, props: bytes, alias: int) -> bytes:
    """PUBLISH: a run of events. ``props`` holds the topic where the alias is 0."""
    body = run_body(payloads)
    return publish_header(PUBLISH_HEADER_BYTES + len(props) + len(body), flags, len(props), alias) + props + body


def run_body(payloads: Sequence[bytes]) -> bytes:
    """The payloads of a run, each behind its size."""
    lengths = set(map(len, payloads))
    if len(lengths) == 1:
        # The usual case; joining in C is a tenth of the work of a loop.
        field = size_field(lengths.pop())
        return field + field.join(payloads)
    parts: List[bytes] = [b""] * (2 * len(payloads))
    parts[0::2] = [size_field(len(p)) for p in payloads]
    parts[1::2] = payloads
    return b"".join(parts)


def resume(since: int, entries: Sequence[ResumeEntry]) -> bytes:
    """The value of the resume property."""
    return _U64.pack(since) + b"".join([_RESUME.pack(*entry) for entry in entries])


def subscribe(
    subscription: int,
    filters: Sequence[bytes],
    credit: int,
    queue_events: int = 0,
    queue_bytes: int = 0,
    no_retained: bool = False,
    overflow: Optional[int] = None,
    block_timeout_ms: Optional[int] = None,
    strategy: Optional[int] = None,
    resume_value: Optional[bytes] = None,
    keep_ms: Optional[int] = None,
    token: bytes = b"",
    position: Optional[Position] = None,
) -> bytes:
    """SUBSCRIBE: opens a subscription."""
    parts = []
    if overflow is not None:
        parts.append(properties.pack(0x40, bytes([overflow])))
    if block_timeout_ms is not None:
        parts.append(properties.pack(0x41, _U32.pack(block_timeout_ms)))
    if strategy is not None:
        parts.append(properties.pack(0x42, bytes([strategy])))
    if resume_value is not None:
        parts.append(properties.pack(0x43, resume_value))
    if keep_ms is not None:
        parts.append(properties.pack(0x44, _U32.pack(keep_ms)))
    if token:
        parts.append(properties.pack(0x45, token))
    if position is not None:
        parts.append(properties.pack(0x46, _POSITION.pack(*position)))
    props = b"".join(parts)
    listed = b"".join([_U16.pack(len(f)) + f for f in filters])
    head = _SUBSCRIBE.pack(
        20 + len(props) + len(listed), SUBSCRIBE, 1 if no_retained else 0, len(props),
        subscription, credit, queue_events, queue_bytes,
    )
    return head + props + listed


def unsubscribe(subscription: int) -> bytes:
    """UNSUBSCRIBE: closes a subscription."""
    return _SHORT.pack(8, UNSUBSCRIBE, 0, 0, subscription)


def credit(subscription: int, amount: int) -> bytes:
    """CREDIT: lets more bytes of a subscription come."""
    return _CREDIT.pack(12, CREDIT, 0, 0, subscription, amount)


def pause(subscription: int, milliseconds: int) -> bytes:
    """PAUSE: lets a kept subscription wait for so long; 0: it goes on."""
    return _CREDIT.pack(12, PAUSE, 0, 0, subscription, milliseconds)


def ping(opaque: int) -> bytes:
    """PING: asks for a PONG with the same value."""
    return _PING.pack(12, PING, 0, 0, opaque)


def pong(opaque: int) -> bytes:
    """PONG: answers a PING."""
    return _PING.pack(12, PONG, 0, 0, opaque)


def query(request: int, text: bytes) -> bytes:
    """QUERY: asks for status as JSON."""
    return _SHORT.pack(8 + len(text), QUERY, 0, 0, request) + text
