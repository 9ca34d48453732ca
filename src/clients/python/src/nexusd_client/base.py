"""What both clients have in common: everything that does not wait."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Callable, List, Mapping, Optional, Sequence, Type, TypeVar, Union

from . import properties, wire_out
from .channel import Channel
from .codes import Overflow, Priority, Strategy
from .errors import ArgumentError
from .handle import PublishHandle
from .options import (
    ClientOptions,
    DaemonInfo,
    Gap,
    Notice,
    PublishLoss,
    StateChange,
    Statistics,
    SubscribeOptions,
    choice,
)
from .properties import HeaderValue
from .requests import Inbox
from .runs import check_payload
from .session import Session
from .subscription import Subscription

Payload = Union[bytes, bytearray, memoryview]
_O = TypeVar("_O", ClientOptions, SubscribeOptions)


class BaseClient:
    """A client of the nexusd beside this process. Safe to use from any number of threads and event loops.

    Making one does no I/O and does not fail when the daemon is down: it connects when it is first used, and again by
    itself after a loss.
    """

    def __init__(
        self,
        address: Optional[str] = None,
        *,
        options: Optional[ClientOptions] = None,
        name: Optional[str] = None,
        token: Optional[bytes] = None,
        publish_buffer_bytes: Optional[int] = None,
        connect_timeout: Optional[float] = None,
        acknowledge_timeout: Optional[float] = None,
        close_timeout: Optional[float] = None,
        reconnect_min: Optional[float] = None,
        reconnect_max: Optional[float] = None,
        keep_alive: Optional[float] = None,
        on_state: Optional[Callable[[StateChange], object]] = None,
        on_gap: Optional[Callable[[Gap], object]] = None,
        on_publish_loss: Optional[Callable[[PublishLoss], object]] = None,
        on_notice: Optional[Callable[[Notice], object]] = None,
    ) -> None:
        """``address``: ``host:port``, ``host``, ``[::1]:port``, ``unix:/path``, ``/path``, or a list of these with
        commas. Without one NEXUSD_ADDR counts, else the daemon's default places.

        Options are given one by one or as :class:`ClientOptions`. Times are seconds. Callbacks are called from the
        client's own thread and must return quickly. Raises ArgumentError.
        """
        merged = _merge(
            options, ClientOptions, name=name, token=token, publish_buffer_bytes=publish_buffer_bytes,
            connect_timeout=connect_timeout, acknowledge_timeout=acknowledge_timeout, close_timeout=close_timeout,
            reconnect_min=reconnect_min, reconnect_max=reconnect_max, keep_alive=keep_alive, on_state=on_state,
            on_gap=on_gap, on_publish_loss=on_publish_loss, on_notice=on_notice,
        )
        self._session = Session(address, merged)
        self._outbox = self._session.outbox
        self._inbox = Inbox(self._session)

    @property
    def state(self) -> str:
        """``idle``, ``connecting``, ``connected``, ``reconnecting`` or ``closed``."""
        return self._session.state

    @property
    def address(self) -> str:
        """Where the daemon is looked for."""
        return str(self._session.address)

    @property
    def daemon(self) -> Optional[DaemonInfo]:
        """The daemon of the current or last connection; None before the first."""
        return self._session.daemon

    @property
    def statistics(self) -> Statistics:
        """Counters since the client was made."""
        return self._session.statistics()

    @property
    def buffered_bytes(self) -> int:
        """Bytes of events that wait to be sent or acknowledged."""
        return self._outbox.buffered_bytes

    def publish(
        self,
        topic: str,
        payload: Payload,
        *,
        retain: bool = False,
        content_type: Optional[str] = None,
        correlation_id: Optional[bytes] = None,
        headers: Optional[Mapping[str, HeaderValue]] = None,
        ttl_ms: Optional[int] = None,
        priority: Union[Priority, str, None] = None,
        reply_topic: Optional[str] = None,
    ) -> PublishHandle:
        """Puts an event into the publish buffer, from where it is sent at once. Never blocks inside an event loop.

        Drop what it returns, and the event is fire-and-forget. ``await`` it, or call its ``result()``, and you have the
        daemon's acknowledgement; an event whose handle you keep is also sent again when the connection breaks before.

        Outside an event loop the call waits while the buffer is full and the daemon is there; else a full buffer
        raises BufferFullError. Raises also ArgumentError, PublishError (bad topic, too large), ClosedError.
        """
        if payload.__class__ is bytes and not (
            retain or content_type or correlation_id or headers or ttl_ms is not None or priority or reply_topic
        ):
            outbox = self._outbox
            with outbox.lock:
                run = outbox.tail
                size = run.size + len(payload) + 4
                if run.key == topic and size <= run.limit:
                    run.size = size
                    payloads = run.payloads
                    payloads.append(payload)  # type: ignore[arg-type]
                    return PublishHandle(run.outcome, len(payloads) - 1)
        return self._publish(
            topic, payload, retain, content_type, correlation_id, headers, ttl_ms, priority, reply_topic
        )

    def subscribe(
        self,
        filters: Sequence[str],
        *,
        options: Optional[SubscribeOptions] = None,
        receive_retained: Optional[bool] = None,
        resume: Optional[bool] = None,
        group: Optional[str] = None,
        strategy: Union[Strategy, str, None] = None,
        overflow: Union[Overflow, str, None] = None,
        block_timeout_ms: Optional[int] = None,
        queue_events: Optional[int] = None,
        queue_bytes: Optional[int] = None,
        receive_buffer_bytes: Optional[int] = None,
        keep_for: Optional[float] = None,
        resume_token: Optional[str] = None,
    ) -> Subscription:
        """Opens a subscription at once; read it with ``for`` or ``async for``, in any thread or event loop.

        ``group`` shares the events with the other members of the group, each event to one of them. With ``keep_for``
        seconds the daemon goes on to queue for it when the connection breaks, and nothing is lost or comes twice;
        ``resume_token`` goes on with one of another process. Options are given one by one or as
        :class:`SubscribeOptions`. Raises SubscribeError (bad filter), ArgumentError, ClosedError.
        """
        merged = _merge(
            options, SubscribeOptions, receive_retained=receive_retained, resume=resume, group=group,
            strategy=strategy, overflow=overflow, block_timeout_ms=block_timeout_ms, queue_events=queue_events,
            queue_bytes=queue_bytes, receive_buffer_bytes=receive_buffer_bytes, keep_for=keep_for,
            resume_token=resume_token,
        )
        channel = Channel(filters, merged, self._session.grant)
        self._session.open(channel)
        return Subscription(self, channel, self._session)

    def __del__(self) -> None:
        session = getattr(self, "_session", None)
        if session is not None:
            session.abandon()

    def _publish(
        self,
        topic: str,
        payload: Payload,
        retain: bool,
        content_type: Optional[str],
        correlation_id: Optional[bytes],
        headers: Optional[Mapping[str, HeaderValue]],
        ttl_ms: Optional[int],
        priority: Union[Priority, str, None],
        reply_topic: Optional[str],
    ) -> PublishHandle:
        data = check_payload(payload)
        props = b""
        chosen = choice("priority", Priority, priority) or Priority.NORMAL
        if content_type is not None or correlation_id is not None or headers or ttl_ms is not None \
                or chosen != Priority.NORMAL or reply_topic is not None:
            props = properties.encode(
                content_type, correlation_id, headers, ttl_ms, chosen, reply_topic  # type: ignore[arg-type]
            )
        self._session.start()
        return self._outbox.append(topic, data, wire_out.RETAIN if retain else 0, props, self._may_wait)

    def _publish_many(self, topic: str, payloads: Sequence[Payload], retain: bool) -> int:
        """As many as are taken without raising; the first events of a full buffer's rest are the caller's."""
        self._session.start()
        return self._outbox.append_many(
            topic, payloads, wire_out.RETAIN if retain else 0, self._may_wait  # type: ignore[arg-type]
        )

    def _may_wait(self) -> bool:
        """Whether this thread may be held up: not the client's own, and not one that runs an event loop."""
        if threading.get_ident() == self._outbox.io_thread:
            return False
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return True
        return False


def checked_payloads(payloads: Any) -> List[bytes]:
    """Payloads of a ``publish_many`` as a list of bytes. Raises ArgumentError."""
    if isinstance(payloads, (bytes, bytearray, memoryview, str)):
        raise ArgumentError("The payloads are one payload; give a list of them, or call publish().")
    found = list(payloads)
    if set(map(type, found)) <= {bytes}:
        return found
    return [check_payload(payload) for payload in found]


def _merge(options: Optional[_O], kind: Type[_O], **given: Any) -> _O:
    """The options object with what was given beside it."""
    if options is not None and not isinstance(options, kind):
        raise ArgumentError(f"The options are {options!r}; give {kind.__name__}.")
    named = {name: value for name, value in given.items() if value is not None}
    if options is None:
        return kind(**named)
    return options if not named else kind(**{**options.__dict__, **named})
