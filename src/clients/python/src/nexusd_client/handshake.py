"""Greeting and HELLO on a fresh connection, and what goes wrong there."""

from __future__ import annotations

import errno
import os
import sys
from typing import Optional

from . import address, codes, wire_in, wire_out
from .errors import ConnectError
from .options import ClientOptions
from .properties import Malformed
from .stream import Stream
from .version import __version__

_START = f"Start nexusd, or give the right address (argument or {address.VARIABLE})."
_PROGRAMS = (
    (b"AMQP", "an AMQP broker such as RabbitMQ, which has the same default port"),
    (b"HTTP/", "an HTTP server"),
    (b"\x15\x03", "a TLS server"),
    (b"\x16\x03", "a TLS server"),
    (b"-ERR", "a Redis server"),
    (b"INFO ", "a NATS server"),
    (b"SSH-", "an SSH server"),
)
_PERMANENT = (codes.UNSUPPORTED_VERSION, codes.UNAUTHENTICATED, codes.FORBIDDEN)


def opening(options: ClientOptions, publisher: int, next_number: int) -> bytes:
    """Greeting and HELLO, sent at once."""
    return wire_out.GREETING + wire_out.hello(
        client_name=_client_name(options),
        client_library=f"python/{__version__}".encode("utf-8"),
        publisher_id=publisher,
        next_number=next_number,
        max_frame=wire_out.LARGEST_FRAME,
        token=options.token,
    )


class Handshake:
    """What the daemon answers, as far as it has come."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._version: Optional[int] = None

    def take(self, stream: Stream) -> Optional[wire_in.Welcome]:
        """WELCOME, once it is there. Raises ConnectError where something else came."""
        if self._version is None:
            came = stream.peeked
            if came[:4] != b"NXD1"[:len(came)]:
                raise another_program(self._where, came)
            if len(came) < 8:
                return None
            self._version = wire_in.daemon_greeting(came)
            stream.skip(8)
        try:
            for frame in stream.frames():
                if frame[4] == wire_in.ERROR:
                    fault = wire_in.fault(frame)
                    raise ended_by_daemon(self._where, fault.code, fault.text)
                if frame[4] == wire_in.WELCOME and self._version == wire_out.VERSION:
                    return wire_in.welcome(frame)
        except Malformed as error:
            raise ConnectError(
                f"nexusd at {self._where} did not answer with WELCOME ({error}); is it an incompatible version?",
                codes.MALFORMED,
            ) from None
        return None

    def ended(self, stream: Stream, cause: Optional[OSError]) -> ConnectError:
        """The error for a connection that ended before WELCOME."""
        if self._version == 0:
            return ended_by_daemon(self._where, codes.UNSUPPORTED_VERSION, "")
        detail = f" ({cause.strerror})" if cause is not None and cause.strerror else ""
        return ConnectError(
            f"{self._where} closed the connection during the greeting{detail}. "
            "Is nexusd listening there, and not another program?"
        )


def another_program(where: str, came: bytes) -> ConnectError:
    """The error for an answer that is not nexusd's."""
    guess = next((name for prefix, name in _PROGRAMS if came.startswith(prefix)), "another program")
    shown = "".join(chr(b) if 0x20 <= b < 0x7F else f"\\x{b:02x}" for b in came[:40])
    return ConnectError(
        f"{where} is {guess}, not nexusd: it answered '{shown}'. Check the address (argument or {address.VARIABLE}) "
        "and nexusd's --app-port.",
        1,
        permanent=True,
    )


def ended_by_daemon(where: str, code: int, text: str) -> ConnectError:
    """The error for an ERROR that ends the connection."""
    said = text or codes.error_name(code)
    return ConnectError(f"nexusd at {where} ended the connection: {said}", code, code in _PERMANENT)


def unreachable(where: str, cause: Optional[OSError], timeout: float) -> ConnectError:
    """The error for a connection that was not made."""
    number = cause.errno if cause is not None else None
    if cause is None:
        text = f"{where} did not answer within {timeout:g} s. {_START}"
    elif number == errno.ECONNREFUSED:
        text = f"Nothing listens at {where}. {_START}"
    elif number == errno.ENOENT:
        text = f"There is no socket at {where}. {_START}"
    elif number in (errno.EACCES, errno.EPERM):
        text = f"This user may not connect to {where}: check the socket's permissions and this user's groups."
    else:
        text = f"Cannot connect to {where}: {cause.strerror or cause}. {_START}"
    return ConnectError(text)


def _client_name(options: ClientOptions) -> bytes:
    name = options.name
    if name is None:
        program = os.path.basename(sys.argv[0]) if sys.argv and sys.argv[0] not in ("", "-c", "-m") else "python"
        name = f"{program}-{os.getpid()}"
    utf8 = name.replace("\0", "").encode("utf-8", "replace")[:128]
    return utf8.decode("utf-8", "ignore").encode("utf-8")
