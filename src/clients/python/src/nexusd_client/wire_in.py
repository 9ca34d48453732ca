"""Frames that a daemon sends (docs/protocol/app-v1.md). Readers raise Malformed where a rule is broken."""

from __future__ import annotations

import struct
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple, Union

from . import properties, topics
from .properties import NO_PROPERTIES, EventProperties, Malformed, wire_text
from .wire_out import DEFAULT_MAX_ALIASES, DEFAULT_MAX_FRAME, DEFAULT_MAX_PAYLOAD, TOKEN_BYTES, Position

TOPIC = 0x02
PING = 0x07
PONG = 0x08
WELCOME = 0x41
SUBSCRIBED = 0x42
DELIVER = 0x43
ACK = 0x44
GAP = 0x45
RESULT = 0x46
ERROR = 0x47
GOAWAY = 0x48
UNSUBSCRIBED = 0x49
NOTICE = 0x4A
PAUSED = 0x4B

RETAIN = 0x01
RETAINED = 0x04
REPLAYED = 0x08

DELIVER_HEADER_BYTES = 40
MAX_RUN_BYTES = 34_816
HIGHEST_NUMBER = 2 ** 63 - 1
HIGHEST_NEXT_NUMBER = 2 ** 62

Buffer = Union[bytes, bytearray, memoryview]

_HEAD = struct.Struct("<IB")
_FIXED = struct.Struct("<IBBHI")
_DELIVER = struct.Struct("<IBBHIIQQQ")
_ACK = struct.Struct("<IBBHQIII")
_GAP = struct.Struct("<IBBHIQQQQ")
_PING = struct.Struct("<IBBHQ")
_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")
_POSITION = struct.Struct("<QQ")


class Welcome(NamedTuple):
    """What the daemon says about itself and the session."""

    publisher_id: int
    next_number: int
    node_id: bytes
    node_name: str = ""
    cluster: str = ""
    daemon_version: str = ""
    max_aliases: int = DEFAULT_MAX_ALIASES
    max_frame: int = DEFAULT_MAX_FRAME
    max_payload: int = DEFAULT_MAX_PAYLOAD
    max_subscriptions: int = 1_000_000
    idle_timeout_ms: int = 0


class Ack(NamedTuple):
    """Answer to a PUBLISH that asked for it."""

    code: int
    number: int
    count: int
    local: int
    peers: int


class Loss(NamedTuple):
    """GAP or NOTICE: which events were lost and why."""

    reason: int
    subscription: int
    publisher: int
    first: int
    last: int
    count: int
    where: str


class Answer(NamedTuple):
    """UNSUBSCRIBED, PAUSED or RESULT: a code, what it belongs to, and a text."""

    code: int
    reference: int
    text: str


class Subscribed(NamedTuple):
    """SUBSCRIBED. ``keep_ms``: None where nobody asked for it. ``token``, ``position``: of one that is kept."""

    code: int
    reference: int
    text: str
    keep_ms: Optional[int] = None
    token: bytes = b""
    position: Optional[Position] = None
    taken_over: bool = False


class Fault(NamedTuple):
    """ERROR or GOAWAY."""

    code: int
    closes: bool
    reference: int
    text: str


class Deliver(NamedTuple):
    """A run of events as it came."""

    flags: int
    subscription: int
    alias: int
    publisher: int
    number: int
    timestamp: int
    properties: EventProperties
    body: bytes
    count: int


def split_frames(data: Buffer, start: int, end: int, max_frame: int = DEFAULT_MAX_FRAME) -> Iterator[Tuple[int, int]]:
    """Places (from, to) of the whole frames in ``data[start:end]``.

    Raises Malformed where a header cannot be right; that is told from its first bytes on.
    """
    unpack = _HEAD.unpack_from
    while end - start >= 5:
        length, kind = unpack(data, start)
        if length + 4 > max_frame:
            raise Malformed(f"a frame of {length + 4} bytes is above the limit", "frame_too_large")
        if length < 4 or kind == 0 or kind >= 0xF0:
            raise Malformed("a frame's header")
        stop = start + 4 + length
        if stop > end:
            return
        yield start, stop
        start = stop


def daemon_greeting(data: bytes) -> int:
    """The version that the daemon chose; 0: none is common. Raises Malformed for another protocol."""
    if data[:4] != b"NXD1" or len(data) < 8:
        raise Malformed("the greeting", "bad_greeting")
    return data[4]


def welcome(frame: bytes) -> Welcome:
    """Reads WELCOME."""
    numbers: Dict[int, int] = {}
    texts: Dict[int, str] = {}
    node_id = b""
    for prop, value in properties.split(frame[8:]):
        if prop in (0x12, 0x13):
            if len(value) != 8:
                raise Malformed("a number in WELCOME")
            numbers[prop] = _U64.unpack(value)[0]
            if numbers[prop] == 0 or (prop == 0x13 and numbers[prop] > HIGHEST_NEXT_NUMBER):
                raise Malformed("a number in WELCOME")
        elif prop in (0x14, 0x15, 0x17, 0x18, 0x19):
            if len(value) != 4:
                raise Malformed("a limit in WELCOME")
            numbers[prop] = _U32.unpack(value)[0]
            if prop == 0x15 and numbers[prop] < 65_536:
                raise Malformed("a frame limit in WELCOME")
        elif prop == 0x20:
            if len(value) != 16 or not any(value):
                raise Malformed("the node id in WELCOME")
            node_id = value
        elif prop in (0x21, 0x22, 0x23):
            texts[prop] = wire_text(value, 0, 64)
    if 0x12 not in numbers or 0x13 not in numbers or not node_id:
        raise Malformed("WELCOME lacks node id, publisher id or next number")
    return Welcome(
        numbers[0x12], numbers[0x13], node_id, texts.get(0x21, ""), texts.get(0x22, ""), texts.get(0x23, ""),
        numbers.get(0x14, DEFAULT_MAX_ALIASES), numbers.get(0x15, DEFAULT_MAX_FRAME),
        numbers.get(0x17, DEFAULT_MAX_PAYLOAD), numbers.get(0x18, 1_000_000), numbers.get(0x19, 0),
    )


def topic(frame: bytes, max_aliases: int = DEFAULT_MAX_ALIASES) -> Tuple[int, str]:
    """Reads TOPIC: alias and name."""
    if len(frame) < 12:
        raise Malformed("TOPIC is cut off")
    alias = _FIXED.unpack_from(frame)[4]
    if not 1 <= alias <= max_aliases:
        raise Malformed("TOPIC with an alias out of range")
    return alias, topic_name(frame[12:])


def topic_name(utf8: bytes) -> str:
    """A topic as text. Raises Malformed named ``bad_topic`` where it is none."""
    if topics.check_name(utf8) is not None:
        raise Malformed("a topic", "bad_topic")
    return utf8.decode("utf-8")


def ping(frame: bytes) -> int:
    """Reads PING or PONG: the value that came back."""
    if len(frame) < 16:
        raise Malformed("PING or PONG is cut off")
    return int(_PING.unpack_from(frame)[4])


def ack(frame: bytes) -> Ack:
    """Reads ACK."""
    if len(frame) < 28:
        raise Malformed("ACK is cut off")
    return Ack(*_ACK.unpack_from(frame)[3:])


def loss(frame: bytes) -> Loss:
    """Reads GAP or NOTICE."""
    if len(frame) < 44:
        raise Malformed("GAP or NOTICE is cut off")
    _, _, _, reason, subscription, publisher, first, last, count = _GAP.unpack_from(frame)
    bad_range = first > last or last > HIGHEST_NUMBER or (publisher == 0 and (first or last))
    if count == 0 or bad_range:
        raise Malformed("GAP or NOTICE with a range that cannot be")
    return Loss(reason, subscription, publisher, first, last, count, wire_text(frame[44:], 0, 64))


def answer(frame: bytes) -> Answer:
    """Reads UNSUBSCRIBED or PAUSED."""
    if len(frame) < 12:
        raise Malformed("an answer is cut off")
    _, _, _, code, reference = _FIXED.unpack_from(frame)
    return Answer(code, reference, wire_text(frame[12:], 0, 1024))


def subscribed(frame: bytes) -> Subscribed:
    """Reads SUBSCRIBED: a text where it was refused, else what is kept."""
    if len(frame) < 12:
        raise Malformed("SUBSCRIBED is cut off")
    _, _, _, code, reference = _FIXED.unpack_from(frame)
    if code:
        return Subscribed(code, reference, wire_text(frame[12:], 0, 1024))
    keep_ms: Optional[int] = None
    token = b""
    position: Optional[Position] = None
    taken_over = False
    for prop, value in properties.split(frame[12:]):
        wanted = _KEPT_SIZES.get(prop)
        if wanted is not None and (len(value) != wanted or (prop == 0x47 and value[0] > 1)):
            raise Malformed("SUBSCRIBED with a property that cannot be")
        if prop == 0x44:
            keep_ms = _U32.unpack(value)[0]
        elif prop == 0x45:
            token = value
        elif prop == 0x46:
            position = Position(*_POSITION.unpack(value))
        elif prop == 0x47:
            taken_over = value == b"\1"
    return Subscribed(code, reference, "", keep_ms, token, position, taken_over)


# How long the properties of SUBSCRIBED are.
_KEPT_SIZES = {0x44: 4, 0x45: TOKEN_BYTES, 0x46: 16, 0x47: 1}


def result(frame: bytes) -> Answer:
    """Reads RESULT."""
    if len(frame) < 12:
        raise Malformed("RESULT is cut off")
    _, _, _, code, reference = _FIXED.unpack_from(frame)
    return Answer(code, reference, wire_text(frame[12:], 0, len(frame)))


def fault(frame: bytes) -> Fault:
    """Reads ERROR or GOAWAY."""
    if len(frame) < 16:
        raise Malformed("ERROR or GOAWAY is cut off")
    _, _, flags, code, reference = _PING.unpack_from(frame)
    return Fault(code, bool(flags & 1), reference, wire_text(frame[16:], 0, 1024))


def deliver(frame: bytes, cache: Dict[bytes, EventProperties], max_payload: int = 0xFFFFFFFF) -> Deliver:
    """Reads DELIVER: everything but the payloads, which are counted and checked only.

    ``cache`` remembers properties that were read before; consecutive runs mostly have the same.
    """
    if len(frame) < DELIVER_HEADER_BYTES:
        raise Malformed("DELIVER is cut off")
    _, _, flags, prop_bytes, subscription, alias, publisher, number, timestamp = _DELIVER.unpack_from(frame)
    body_at = DELIVER_HEADER_BYTES + prop_bytes
    if body_at > len(frame) or publisher == 0 or not 1 <= number <= HIGHEST_NUMBER:
        raise Malformed("DELIVER with a publisher, number or property size that cannot be")
    props = NO_PROPERTIES
    if prop_bytes:
        raw = frame[DELIVER_HEADER_BYTES:body_at]
        found = cache.get(raw)
        if found is None:
            found = properties.decode(raw)
            if len(cache) >= 64:
                cache.clear()
            if prop_bytes <= 256:
                cache[raw] = found
        props = found
    if (alias == 0) != (props.topic is not None):
        raise Malformed("DELIVER with two topics or none")
    body = frame[body_at:]
    count, largest = count_events(body)
    if (count > 1 and len(frame) > MAX_RUN_BYTES) or number + count - 1 > HIGHEST_NUMBER:
        raise Malformed("DELIVER with a run that is too long")
    if largest > max_payload:
        raise Malformed("a payload", "payload_too_large")
    if props.topic is not None and topics.check_name(props.topic) is not None:
        raise Malformed("a topic", "bad_topic")
    return Deliver(flags, subscription, alias, publisher, number, timestamp, props, body, count)


def count_events(body: bytes) -> Tuple[int, int]:
    """How many payloads a run holds, and the length of the longest."""
    end = len(body)
    if end < 4:
        raise Malformed("a run without events")
    size = _U32.unpack_from(body)[0]
    step = size + 4
    if step == end:
        return 1, size
    count, rest = divmod(end, step)
    if rest == 0 and count > 2:
        # All of one size, as mostly: four strided comparisons in C instead of a loop.
        field = body[:4]
        if all(body[i::step] == field[i:i + 1] * count for i in range(4)):
            return count, size
    at = count = largest = 0
    unpack = _U32.unpack_from
    while at < end:
        if end - at < 4:
            raise Malformed("a run with surplus bytes")
        size = unpack(body, at)[0]
        at += 4 + size
        if at > end:
            raise Malformed("a payload that runs past the end")
        if size > largest:
            largest = size
        count += 1
    return count, largest


_SPLITTERS: Dict[int, struct.Struct] = {}


def split_run(body: bytes, count: int) -> List[bytes]:
    """The payloads of a run that was counted."""
    size = _U32.unpack_from(body)[0]
    if count == 1:
        return [body[4:]]
    step = size + 4
    if step * count == len(body):
        field = body[:4]
        if all(body[i::step] == field[i:i + 1] * count for i in range(4)):
            splitter = _SPLITTERS.get(size)
            if splitter is None:
                if len(_SPLITTERS) >= 1024:
                    _SPLITTERS.clear()
                splitter = _SPLITTERS[size] = struct.Struct(f"<4x{size}s")
            return [payload for (payload,) in splitter.iter_unpack(body)]
    payloads = []
    at, end = 0, len(body)
    unpack = _U32.unpack_from
    while at < end:
        start = at + 4
        at = start + unpack(body, at)[0]
        payloads.append(body[start:at])
    return payloads
