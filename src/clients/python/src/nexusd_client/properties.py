"""Properties of events: content type, headers and so on (docs/protocol/README.md, "Event run")."""

from __future__ import annotations

import struct
from typing import Dict, List, Mapping, Optional, Tuple, Union

from . import codes
from .codes import Priority
from .errors import ArgumentError, PublishError

TOPIC = 0x01
CONTENT_TYPE = 0x02
CORRELATION_ID = 0x03
HEADER = 0x04
TTL = 0x05
PRIORITY = 0x06
REPLY_TOPIC = 0x07

MAX_BYTES = 16_384
MAX_HEADERS = 64

_HEAD = struct.Struct("<BH")
_U32 = struct.Struct("<I")

HeaderValue = Union[str, bytes]


class Malformed(Exception):
    """A frame breaks a rule of the protocol. ``name`` is the error code's name."""

    def __init__(self, what: str, name: str = "malformed") -> None:
        super().__init__(what)
        self.name = name


class EventProperties:
    """The properties of a run as they were received. Treat it as read-only: runs share it."""

    __slots__ = ("topic", "content_type", "correlation_id", "headers", "ttl_ms", "priority", "reply_topic")

    def __init__(self) -> None:
        self.topic: Optional[bytes] = None
        self.content_type: Optional[str] = None
        self.correlation_id: Optional[bytes] = None
        self.headers: Dict[str, bytes] = {}
        self.ttl_ms: Optional[int] = None
        self.priority: Priority = Priority.NORMAL
        self.reply_topic: Optional[str] = None


NO_PROPERTIES = EventProperties()


def pack(prop: int, value: bytes) -> bytes:
    """One property as it goes on the wire."""
    return _HEAD.pack(prop, len(value)) + value


def split(data: bytes) -> List[Tuple[int, bytes]]:
    """Cuts a list of properties. Raises Malformed where one runs past the end."""
    found = []
    at, end = 0, len(data)
    while at < end:
        if end - at < 3:
            raise Malformed("a property is cut off")
        prop, size = _HEAD.unpack_from(data, at)
        at += 3
        if size > end - at:
            raise Malformed("a property runs past the end of its list")
        found.append((prop, data[at:at + size]))
        at += size
    return found


def wire_text(value: bytes, least: int, most: int) -> str:
    """Text of a frame. Raises Malformed where it is too short or long, no UTF-8, or holds NUL."""
    if not least <= len(value) <= most:
        raise Malformed(f"a text has {len(value)} bytes")
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("a text is no UTF-8") from None
    if "\0" in text:
        raise Malformed("a text holds NUL")
    return text


def decode(data: bytes) -> EventProperties:
    """Reads and checks the properties of a run; the topic is given as bytes, unchecked."""
    result = EventProperties()
    topics = headers = topic_bytes = 0
    for prop, value in split(data):
        if prop == TOPIC:
            topics += 1
            topic_bytes = 3 + len(value)
            result.topic = value
        elif prop == CONTENT_TYPE:
            result.content_type = wire_text(value, 1, 255)
        elif prop == CORRELATION_ID:
            if not 1 <= len(value) <= 255:
                raise Malformed("a correlation id has 1 to 255 bytes")
            result.correlation_id = value
        elif prop == HEADER:
            headers += 1
            key_end = 1 + value[0] if value else 0
            if headers > MAX_HEADERS or key_end < 2 or key_end > len(value):
                raise Malformed("a header")
            result.headers[wire_text(value[1:key_end], 1, 255)] = value[key_end:]
        elif prop == TTL:
            if len(value) != 4 or value == b"\0\0\0\0":
                raise Malformed("a time to live")
            result.ttl_ms = _U32.unpack(value)[0]
        elif prop == PRIORITY:
            if len(value) != 1 or value[0] > 2:
                raise Malformed("a priority")
            result.priority = Priority(value[0])
        elif prop == REPLY_TOPIC:
            result.reply_topic = wire_text(value, 1, 1024)
    if topics > 1 or len(data) - topic_bytes > MAX_BYTES:
        raise Malformed("the properties of an event")
    return result


def encode(
    content_type: Optional[str],
    correlation_id: Optional[bytes],
    headers: Optional[Mapping[str, HeaderValue]],
    ttl_ms: Optional[int],
    priority: Priority,
    reply_topic: Optional[str],
) -> bytes:
    """Properties by ascending id, without the topic.

    Raises PublishError where something is too large, ArgumentError where it makes no sense.
    """
    parts = []
    if content_type is not None:
        parts.append(pack(CONTENT_TYPE, _text(content_type, "content type", 255)))
    if correlation_id is not None:
        parts.append(pack(CORRELATION_ID, _sized(_raw(correlation_id, "correlation id"), "correlation id", 255)))
    if headers:
        if len(headers) > MAX_HEADERS:
            raise PublishError(
                f"The event has {len(headers)} headers; at most {MAX_HEADERS} are allowed.", codes.OVER_LIMIT
            )
        for key, value in headers.items():
            parts.append(pack(HEADER, _header(key, value)))
    if ttl_ms is not None:
        if isinstance(ttl_ms, bool) or not isinstance(ttl_ms, int) or not 1 <= ttl_ms <= 0xFFFFFFFF:
            raise ArgumentError(f"The time to live is {ttl_ms!r}; give whole milliseconds, 1 to 4294967295.")
        parts.append(pack(TTL, _U32.pack(ttl_ms)))
    if priority != Priority.NORMAL:
        parts.append(pack(PRIORITY, bytes([priority])))
    if reply_topic is not None:
        parts.append(pack(REPLY_TOPIC, _text(reply_topic, "reply topic", 1024)))
    data = b"".join(parts)
    if len(data) > MAX_BYTES:
        raise PublishError(
            f"Content type, headers and so on take {len(data)} bytes together; at most {MAX_BYTES} are allowed.",
            codes.OVER_LIMIT,
        )
    return data


def _header(key: str, value: HeaderValue) -> bytes:
    name = _text(key, "key of a header", 255)
    data = value.encode("utf-8") if isinstance(value, str) else _raw(value, f"value of the header '{key}'")
    if 1 + len(name) + len(data) > MAX_BYTES:
        raise PublishError(
            f"The header '{key}' has {len(data)} bytes; all properties of an event together have at most {MAX_BYTES}.",
            codes.OVER_LIMIT,
        )
    return bytes([len(name)]) + name + data


def _text(value: str, what: str, most: int) -> bytes:
    if not isinstance(value, str):
        raise ArgumentError(f"The {what} is {value!r}; give a text.")
    try:
        utf8 = value.encode("utf-8")
    except UnicodeEncodeError:
        raise ArgumentError(f"The {what} {value!r} has no UTF-8 form; leave lone surrogates out.") from None
    if 0 in utf8:
        raise ArgumentError(f"The {what} holds a NUL character; leave it out.")
    return _sized(utf8, what, most)


def _raw(value: object, what: str) -> bytes:
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise ArgumentError(f"The {what} is {value!r}; give bytes.")
    return bytes(value)


def _sized(value: bytes, what: str, most: int) -> bytes:
    if not 1 <= len(value) <= most:
        raise PublishError(f"The {what} has {len(value)} bytes; 1 to {most} are allowed.", codes.OVER_LIMIT)
    return value
