"""What can go wrong. Every error derives from :class:`NexusdError`; each text says what to do."""

from __future__ import annotations

from typing import Optional

__all__ = [
    "ArgumentError",
    "BufferFullError",
    "ClosedError",
    "ConnectError",
    "NexusdError",
    "NoResponderError",
    "PublishError",
    "QueryError",
    "SubscribeError",
    "WaitTimeoutError",
]


class NexusdError(Exception):
    """Base of all errors of this package.

    ``kind`` is the name that all clients of NexusD give to this sort of error, ``code`` the error code of the
    protocol where the daemon (or the check that stands in for it) gave one, else ``None``.
    """

    kind = "other"

    def __init__(self, text: str, code: Optional[int] = None) -> None:
        super().__init__(text)
        self.code = code


class ArgumentError(NexusdError, ValueError):
    """An address, option or argument that makes no sense."""

    kind = "argument"


class ConnectError(NexusdError, ConnectionError):
    """The daemon was not reached, is another program, or did not let the client in.

    ``permanent`` says that waiting will not help.
    """

    kind = "connection"

    def __init__(self, text: str, code: Optional[int] = None, permanent: bool = False) -> None:
        super().__init__(text, code)
        self.permanent = permanent


class PublishError(NexusdError):
    """A bad topic, a payload or properties too large, or a refusal of the daemon."""

    kind = "publish"


class SubscribeError(NexusdError):
    """A bad filter or a refusal of the daemon."""

    kind = "subscribe"


class BufferFullError(NexusdError):
    """The publish buffer is full and the caller may not wait. The event was not kept.

    ``accepted`` counts the events of a ``publish_many`` that were taken before the buffer was full.
    """

    kind = "buffer_full"

    def __init__(self, text: str, accepted: int = 0) -> None:
        super().__init__(text)
        self.accepted = accepted


class QueryError(NexusdError):
    """The daemon does not know the query or refuses it."""

    kind = "query"


class NoResponderError(NexusdError):
    """Nobody could get the request: no subscription here and no peer that wants it."""

    kind = "no_responder"


class WaitTimeoutError(NexusdError, TimeoutError):
    """An acknowledgement, a reply or another wait took too long."""

    kind = "timeout"


class ClosedError(NexusdError):
    """The client or the subscription was closed."""

    kind = "closed"
