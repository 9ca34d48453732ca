"""Options of clients and subscriptions. Sizes are bytes, times seconds unless a name ends in ``_ms``."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Callable, Optional, Sequence, Union

from . import wire_out
from .codes import Overflow, Priority, Strategy
from .errors import ArgumentError, NexusdError

MIB = 1 << 20
# The longest pause, and the longest time for which a subscription is kept: seven days, in seconds.
MAX_PAUSE = 604_800.0
_TOKEN = re.compile("[0-9a-fA-F]{32}")


@dataclass(frozen=True)
class StateChange:
    """The connection came or went. ``state``: ``connecting``, ``connected``, ``reconnecting`` or ``closed``."""

    previous: str
    state: str
    error: Optional[NexusdError] = None
    retry_after: Optional[float] = None


@dataclass(frozen=True)
class Gap:
    """Events that a subscription would have got and lost: ``count`` with numbers from ``first`` to ``last``.

    ``publisher`` 0 stands for many, whose numbers are not told. ``reason`` is a name such as ``queue_full``.
    """

    filters: Sequence[str]
    publisher: int
    first: int
    last: int
    count: int
    reason: str
    node: str


@dataclass(frozen=True)
class PublishLoss:
    """Deliveries of this client's own events that were dropped at ``node``."""

    first: int
    last: int
    count: int
    reason: str
    node: str


@dataclass(frozen=True)
class Notice:
    """What the daemon says: a refused event (``reference`` is its number), or that it is leaving (code 19)."""

    code: int
    name: str
    reference: int
    text: str


@dataclass(frozen=True)
class DaemonInfo:
    """The daemon of the current or last connection."""

    node_id: str
    node_name: str
    cluster: str
    version: str
    max_payload: int
    publisher_id: int


@dataclass(frozen=True)
class Statistics:
    """Counters since the client was made.

    ``published`` events were taken into the buffer, ``refused`` were not; ``in_doubt`` were written without an
    acknowledgement when a connection broke, so nobody knows whether the daemon has them; ``lost`` were told by gaps.
    """

    published: int
    refused: int
    received: int
    lost: int
    in_doubt: int
    connections: int
    buffered_bytes: int


@dataclass(frozen=True)
class ClientOptions:
    """How a client behaves."""

    name: Optional[str] = None
    token: bytes = b""
    publish_buffer_bytes: int = 8 * MIB
    connect_timeout: float = 5.0
    acknowledge_timeout: float = 30.0
    close_timeout: float = 5.0
    reconnect_min: float = 0.1
    reconnect_max: float = 30.0
    keep_alive: float = 10.0
    on_state: Optional[Callable[[StateChange], object]] = None
    on_gap: Optional[Callable[[Gap], object]] = None
    on_publish_loss: Optional[Callable[[PublishLoss], object]] = None
    on_notice: Optional[Callable[[Notice], object]] = None

    def __post_init__(self) -> None:
        check_int("publish_buffer_bytes", self.publish_buffer_bytes, MIB, 1024 * MIB)
        check_seconds("connect_timeout", self.connect_timeout)
        check_seconds("acknowledge_timeout", self.acknowledge_timeout)
        check_seconds("close_timeout", self.close_timeout, least=0.0)
        check_seconds("reconnect_min", self.reconnect_min)
        check_seconds("reconnect_max", self.reconnect_max, least=self.reconnect_min)
        check_seconds("keep_alive", self.keep_alive)
        if self.name is not None and not isinstance(self.name, str):
            raise ArgumentError(f"The option name is {self.name!r}; give a text.")
        if not isinstance(self.token, bytes) or len(self.token) > 1024:
            raise ArgumentError("The option token is not bytes, or longer than 1024 of them.")
        for option in ("on_state", "on_gap", "on_publish_loss", "on_notice"):
            value = getattr(self, option)
            if value is not None and not callable(value):
                raise ArgumentError(f"The option {option} is {value!r}; give a function of one argument.")


@dataclass(frozen=True)
class SubscribeOptions:
    """How a subscription behaves. What is 0 or None is left to the daemon.

    ``keep_for``: seconds for which the daemon goes on to queue when the connection breaks. ``resume_token``: of a kept
    subscription, to go on with it.
    """

    receive_retained: bool = True
    resume: bool = True
    group: Optional[str] = None
    strategy: Optional[Strategy] = None
    overflow: Optional[Overflow] = None
    block_timeout_ms: Optional[int] = None
    queue_events: int = 0
    queue_bytes: int = 0
    receive_buffer_bytes: int = MIB
    keep_for: Optional[float] = None
    resume_token: Optional[str] = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "strategy", choice("strategy", Strategy, self.strategy))
        object.__setattr__(self, "overflow", choice("overflow", Overflow, self.overflow))
        if self.block_timeout_ms is not None:
            check_int("block_timeout_ms", self.block_timeout_ms, 0, 600_000)
        check_int("queue_events", self.queue_events, 0, 0xFFFFFFFF)
        check_int("queue_bytes", self.queue_bytes, 0, 0xFFFFFFFF)
        kept = self.keep_for is not None or self.resume_token is not None
        most = wire_out.MAX_KEPT_CREDIT if kept else 1024 * MIB
        check_int("receive_buffer_bytes", self.receive_buffer_bytes, 64 * 1024, most)
        self._check_keep()

    def _check_keep(self) -> None:
        if self.keep_for is not None:
            check_seconds("keep_for", self.keep_for, most=MAX_PAUSE)
        token = self.resume_token
        if token is None:
            return
        if not isinstance(token, str) or _TOKEN.fullmatch(token) is None:
            # Not shown: it may be one with a slip of the pen, and a token is a secret.
            raise ArgumentError(
                "The option resume_token is no token: it has 32 hexadecimal digits, as resume_token of a subscription "
                "gave it."
            )
        if self.keep_for is None:
            raise ArgumentError("The option resume_token needs keep_for: the subscription is kept again from here on.")


def check_int(name: str, value: object, least: int, most: int) -> None:
    """Raises ArgumentError unless ``value`` is a whole number in the range."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ArgumentError(f"The option {name} is {value!r}; give a whole number from {least} to {most}.")


def check_seconds(name: str, value: object, least: float = 0.001, most: float = math.inf) -> None:
    """Raises ArgumentError unless ``value`` is a time in seconds, at least ``least`` and at most ``most``."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not least <= value <= most:  # type: ignore[arg-type, operator]
        bound = "" if most == math.inf else f" and at most {most:g}"
        raise ArgumentError(f"The option {name} is {value!r}; give seconds, at least {least:g}{bound}.")


PriorityLike = Union[Priority, str, None]


def choice(name: str, kinds: type, value: object) -> object:
    """A member of an enumeration, also by its name in lower case with ``-`` or ``_``. Raises ArgumentError."""
    if value is None or isinstance(value, kinds):
        return value
    members = kinds.__members__  # type: ignore[attr-defined]
    if isinstance(value, str):
        found = members.get(value.upper().replace("-", "_"))
        if found is not None:
            return found
    names = ", ".join(member.lower().replace("_", "-") for member in members)
    raise ArgumentError(f"The option {name} is {value!r}; give one of {names}.")
