"""What waits to be sent: topics with their aliases, and runs of events."""

from __future__ import annotations

import sys
from typing import Dict, List, Optional, Sequence

from . import codes, properties, topics, wire_out
from .errors import ArgumentError, PublishError
from .handle import RunCompletion

# A run stays short enough to be sent again with its topic as text instead of an alias.
RUN_LIMIT = wire_out.MAX_RUN_BYTES - 3 - topics.MAX_BYTES


class Topic:
    """A topic that was published to."""

    __slots__ = ("text", "utf8", "alias", "declared_in")

    def __init__(self, text: str, utf8: bytes, alias: int) -> None:
        self.text = text
        self.utf8 = utf8
        self.alias = alias
        # The connection in which the alias was declared; they are counted from 1.
        self.declared_in = 0


class Run:
    """Consecutive events of one topic with the same properties: one PUBLISH frame."""

    __slots__ = (
        "key", "topic", "flags", "props", "payloads", "size", "limit", "outcome", "number", "first_seq", "end_offset",
        "waiting",
    )

    def __init__(self, topic: Topic, flags: int, props: bytes, limit: int, timeout: float) -> None:
        # What the quick way of publish compares; None: only the slow way may add to this run.
        self.key: Optional[str] = None
        self.topic = topic
        self.flags = flags
        self.props = props
        self.payloads: List[bytes] = []
        self.size = wire_out.PUBLISH_HEADER_BYTES + len(props)
        self.limit = limit
        self.outcome = RunCompletion(timeout)
        # Number of the first event with the daemon, once the run was sent.
        self.number = 0
        # Count of the first event in this client, from 1 on, once the run is closed.
        self.first_seq = 0
        # Where the frame ends in the stream of the connection.
        self.end_offset = 0
        # Whether its acknowledgement was asked for and has not come.
        self.waiting = False

    def encode(self, alias: int, acknowledge: bool) -> bytes:
        """The PUBLISH frame."""
        props = self.props if alias else properties.pack(properties.TOPIC, self.topic.utf8) + self.props
        flags = self.flags | (wire_out.ACKNOWLEDGE if acknowledge else 0)
        return wire_out.publish(self.payloads, flags, props, alias)

    def fill(self, payloads: Sequence[bytes], at: int, room: int, length: Optional[int]) -> int:
        """Puts as many payloads into a run as fit (one at least); returns where it stopped."""
        if length is not None:
            count = max(1, min(room // (length + 4), len(payloads) - at))
            self.payloads.extend(payloads[at:at + count])
            self.size += count * (length + 4)
            return at + count
        start = at
        size = 0
        end = len(payloads)
        while at < end:
            need = 4 + len(payloads[at])
            if size + need > room and at > start:
                break
            size += need
            at += 1
        self.payloads.extend(payloads[start:at])
        self.size += size
        return at


_NOWHERE = Topic("", b"", 0)


def no_run() -> Run:
    """What stands where no run is open: nothing fits into it."""
    return Run(_NOWHERE, -1, b"", -1, 0.0)


if sys.implementation.name == "cpython":
    _references = sys.getrefcount

    def _count(run: Run) -> int:
        return _references(run.outcome)

    _ALONE = _count(no_run())

    def has_handles(run: Run) -> bool:
        """Whether somebody could still ask for the acknowledgement of an event of the run."""
        return _count(run) > _ALONE

else:

    def has_handles(run: Run) -> bool:
        """Nothing tells here who still holds a handle, so every run is acknowledged."""
        return True


class TopicTable:
    """The topics of a client, by name. Bounded: beyond it topics travel as text and are not remembered."""

    def __init__(self) -> None:
        self.max_aliases = wire_out.DEFAULT_MAX_ALIASES
        self._topics: Dict[str, Topic] = {}

    def find(self, name: str) -> Topic:
        """The topic of that name. Raises PublishError where the name breaks the rules."""
        topic = self._topics.get(name)
        return topic if topic is not None else self._make(name)

    def _make(self, name: str) -> Topic:
        if not isinstance(name, str):
            raise ArgumentError(f"The topic is {name!r}; give a text such as 'orders/created'.")
        utf8 = topics.encode(name)
        reason = "invalid_utf8" if utf8 is None else topics.check_name(utf8)
        if utf8 is None or reason is not None:
            raise PublishError(f"Cannot publish to '{shorten(name)}': {topics.describe(reason or '')}", codes.BAD_TOPIC)
        if topics.is_reserved(name):
            raise PublishError(
                f"Cannot publish to '{shorten(name)}': names that start with '$' belong to the system; "
                "choose another name.",
                codes.BAD_TOPIC,
            )
        # An alias for a reply, whose topic is used once, would be wasted.
        if len(self._topics) >= self.max_aliases or name.startswith(topics.REPLY):
            return Topic(name, utf8, 0)
        topic = self._topics[name] = Topic(name, utf8, len(self._topics) + 1)
        return topic


def shorten(text: str) -> str:
    """The beginning of a text, for the texts of errors."""
    shown = text if len(text) <= 100 else text[:100] + "..."
    return shown.encode("utf-8", "replace").decode("utf-8")


def check_payload(payload: object) -> bytes:
    """A payload as bytes; what may change is copied. Raises ArgumentError."""
    if isinstance(payload, bytes):
        return payload
    if isinstance(payload, (bytearray, memoryview)):
        return bytes(payload)
    hint = "; encode text first: text.encode()" if isinstance(payload, str) else ""
    raise ArgumentError(f"The payload is of type {type(payload).__name__}; give bytes{hint}.")
