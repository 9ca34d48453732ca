"""Events as they are received."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Iterator, List, Mapping, Optional, Union, overload

from . import wire_in
from .codes import Priority
from .properties import EventProperties


class ReceivedRun:
    """Events of one publisher on one topic, as they came. Its payloads are cut apart when somebody reads them."""

    __slots__ = (
        "topic", "flags", "publisher", "number", "timestamp", "properties", "count", "frame_bytes", "_body", "credit",
        "taken",
    )

    def __init__(self, topic: str, deliver: wire_in.Deliver, frame_bytes: int) -> None:
        self.topic = topic
        self.flags = deliver.flags
        self.publisher = deliver.publisher
        self.number = deliver.number
        self.timestamp = deliver.timestamp
        self.properties: EventProperties = deliver.properties
        self.count = deliver.count
        self.frame_bytes = frame_bytes
        self._body = deliver.body
        # Of a kept subscription: what is given back for it, and whether the application is done with it.
        self.credit = frame_bytes
        self.taken = False

    def payloads(self) -> List[bytes]:
        """The payloads in order."""
        return wire_in.split_run(self._body, self.count)

    def messages(self) -> "List[Message]":
        """The events as objects."""
        if self.count == 1:
            return [Message(self._body[4:], self.number, self)]
        return list(map(Message, self.payloads(), range(self.number, self.number + self.count), repeat(self)))


class Message:
    """An event of a subscription.

    ``payload``: the bytes. ``number``: which event of its publisher it is. The rest is looked up when it is asked for.
    """

    __slots__ = ("payload", "number", "_run")

    def __init__(self, payload: bytes, number: int, run: ReceivedRun) -> None:
        self.payload = payload
        self.number = number
        self._run = run

    @property
    def topic(self) -> str:
        """The name of the topic."""
        return self._run.topic

    @property
    def publisher(self) -> int:
        """The id of the publisher."""
        return self._run.publisher

    @property
    def timestamp(self) -> int:
        """When the daemon beside the publisher took it: milliseconds since 1970 times 65,536, plus a counter."""
        return self._run.timestamp

    @property
    def time(self) -> float:
        """The same in seconds since 1970, as ``time.time()`` gives them."""
        return (self._run.timestamp >> 16) / 1000.0

    @property
    def content_type(self) -> Optional[str]:
        """What the publisher says the payload is, such as ``application/json``."""
        return self._run.properties.content_type

    @property
    def correlation_id(self) -> Optional[bytes]:
        """What joins a reply to its request."""
        return self._run.properties.correlation_id

    @property
    def headers(self) -> Mapping[str, bytes]:
        """Names and values of the publisher's choice."""
        return self._run.properties.headers

    @property
    def ttl_ms(self) -> Optional[int]:
        """The time to live in milliseconds, counted from the timestamp."""
        return self._run.properties.ttl_ms

    @property
    def priority(self) -> Priority:
        """What it overtakes in queues."""
        return self._run.properties.priority

    @property
    def reply_topic(self) -> Optional[str]:
        """Where a reply is expected; see :meth:`NexusdClient.reply`."""
        return self._run.properties.reply_topic

    @property
    def is_retained(self) -> bool:
        """Whether it comes from the retained store, so that it may be old."""
        return bool(self._run.flags & wire_in.RETAINED)

    @property
    def is_replayed(self) -> bool:
        """Whether it comes later than it should: the connection was away, or broke before it was known to have come."""
        return bool(self._run.flags & wire_in.REPLAYED)

    def __repr__(self) -> str:
        shown = self.payload if len(self.payload) <= 60 else self.payload[:60] + b"..."
        return f"Message(topic={self.topic!r}, number={self.number}, payload={shown!r})"


class MessageBatch(Sequence):  # type: ignore[type-arg]
    """What had come of a subscription at one moment: a sequence of messages, made as they are looked at."""

    __slots__ = ("_runs", "_length", "_messages")

    def __init__(self, runs: List[ReceivedRun]) -> None:
        self._runs = runs
        self._length = sum([run.count for run in runs])
        self._messages: Optional[List[Message]] = None

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Message]:
        if self._messages is not None:
            yield from self._messages
            return
        for run in self._runs:
            yield from run.messages()

    @overload
    def __getitem__(self, index: int) -> Message: ...

    @overload
    def __getitem__(self, index: slice) -> List[Message]: ...

    def __getitem__(self, index: Union[int, slice]) -> Union[Message, List[Message]]:
        if self._messages is None:
            self._messages = [message for run in self._runs for message in run.messages()]
        return self._messages[index]

    def payloads(self) -> List[bytes]:
        """All payloads in order: the fastest way to read, with no object for each event."""
        if len(self._runs) == 1:
            return self._runs[0].payloads()
        return [payload for run in self._runs for payload in run.payloads()]

    def runs(self) -> List[ReceivedRun]:
        """The events as they came, grouped by topic and publisher."""
        return list(self._runs)
