"""A daemon whose every byte the test decides. Each wait has a limit, so a test that hangs fails instead."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import tempfile
import time
import unittest
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Type, TypeVar

from nexusd_client import AsyncNexusdClient, NexusdClient, properties, wire_in, wire_out

LIMIT = 9.0
PUBLISHER = 77
_C = TypeVar("_C", NexusdClient, AsyncNexusdClient)


class Frame(NamedTuple):
    """A frame that the client sent."""

    kind: int
    flags: int
    extra: int
    body: bytes

    def u32(self, at: int) -> int:
        """A number of the body."""
        return int(struct.unpack_from("<I", self.body, at)[0])

    @property
    def alias(self) -> int:
        return self.u32(0)

    @property
    def events(self) -> List[bytes]:
        """The payloads of a PUBLISH."""
        body = self.body[4 + self.extra:]
        count, _ = wire_in.count_events(body)
        return wire_in.split_run(body, count)

    @property
    def properties(self) -> properties.EventProperties:
        """The properties of a PUBLISH."""
        return properties.decode(self.body[4:4 + self.extra])

    @property
    def options(self) -> Dict[int, bytes]:
        """The properties of a SUBSCRIBE by id."""
        return dict(properties.split(self.body[16:16 + self.extra]))

    @property
    def filters(self) -> List[str]:
        """The filters of a SUBSCRIBE."""
        at, found = 16 + self.extra, []
        while at < len(self.body):
            size = struct.unpack_from("<H", self.body, at)[0]
            found.append(self.body[at + 2:at + 2 + size].decode())
            at += 2 + size
        return found


def frame(kind: int, body: bytes = b"", flags: int = 0, extra: int = 0) -> bytes:
    """Any frame."""
    return struct.pack("<IBBH", 4 + len(body), kind, flags, extra) + body


def welcome(publisher: int = PUBLISHER, number: int = 1, **limits: int) -> bytes:
    """WELCOME; ``limits``: max_aliases, max_frame, max_payload, idle."""
    ids = {"max_aliases": 0x14, "max_frame": 0x15, "max_payload": 0x17, "idle": 0x19}
    body = properties.pack(0x12, struct.pack("<Q", publisher)) + properties.pack(0x13, struct.pack("<Q", number))
    for name, value in limits.items():
        body += properties.pack(ids[name], struct.pack("<I", value))
    body += properties.pack(0x20, b"n" * 16) + properties.pack(0x21, b"fake")
    return frame(wire_in.WELCOME, body)


def ack(number: int, count: int = 1, local: int = 1, peers: int = 0, code: int = 0) -> bytes:
    """ACK."""
    return frame(wire_in.ACK, struct.pack("<QIII", number, count, local, peers), extra=code)


def subscribed(subscription: int, code: int = 0, text: bytes = b"") -> bytes:
    """SUBSCRIBED."""
    return frame(wire_in.SUBSCRIBED, struct.pack("<I", subscription) + text, extra=code)


def deliver(
    subscription: int, payloads: List[bytes], number: int = 1, topic: bytes = b"t", publisher: int = 9,
    timestamp: int = 1 << 16, flags: int = 0, more: bytes = b"",
) -> bytes:
    """DELIVER with its topic as text."""
    props = properties.pack(1, topic) + more
    head = struct.pack("<IIQQQ", subscription, 0, publisher, number, timestamp)
    return frame(wire_in.DELIVER, head + props + wire_out.run_body(payloads), flags, len(props))


def loss(
    kind: int, subscription: int, first: int, last: int, count: int, reason: int, where: bytes = b"node-1"
) -> bytes:
    """GAP or NOTICE."""
    return frame(kind, struct.pack("<IQQQQ", subscription, 9, first, last, count) + where, extra=reason)


def fault(kind: int, code: int, text: bytes, closes: bool = False, reference: int = 0) -> bytes:
    """ERROR or GOAWAY."""
    return frame(kind, struct.pack("<Q", reference) + text, 1 if closes else 0, code)


class Connection:
    """A client's connection, seen from the daemon."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(LIMIT)
        self.socket = sock
        self._data = b""
        self.hello: Dict[int, bytes] = {}

    def send(self, *parts: bytes) -> None:
        self.socket.sendall(b"".join(parts))

    def dribble(self, data: bytes) -> None:
        """Sends byte by byte."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        for i in range(len(data)):
            self.socket.sendall(data[i:i + 1])

    def read(self, count: int) -> bytes:
        while len(self._data) < count:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError
            self._data += more
        taken, self._data = self._data[:count], self._data[count:]
        return taken

    def read_frame(self) -> Frame:
        """The next frame; EOFError where the client ended."""
        length, kind, flags, extra = struct.unpack("<IBBH", self.read(8))
        return Frame(kind, flags, extra, self.read(length - 4))

    def read_hello(self) -> Dict[int, bytes]:
        """Greeting and HELLO; returns its properties."""
        assert self.read(8) == b"NXD1\1\1\0\0"
        hello = self.read_frame()
        assert hello.kind == wire_out.HELLO
        self.hello = dict(properties.split(hello.body))
        return self.hello

    def greet(self, publisher: int = PUBLISHER, number: Optional[int] = None, **limits: int) -> "Connection":
        """Lets the client in, by default with the number that it asks for."""
        hello = self.read_hello()
        asked = struct.unpack("<Q", hello[0x13])[0] if 0x13 in hello else 1
        self.send(b"NXD1\1\0\0\0", welcome(publisher, asked if number is None else number, **limits))
        return self

    def expect(self, kind: int) -> Frame:
        """The next frame, which must be of that kind; PING frames that were not asked for are answered."""
        return self.expect_any(kind)

    def expect_any(self, *kinds: int) -> Frame:
        """The next frame, which must be of one of these kinds."""
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            got = self.read_frame()
            if got.kind in kinds:
                return got
            if got.kind != wire_out.PING:
                raise AssertionError(f"the client sent {got} instead of a frame of kinds {kinds}")
            self.send(frame(wire_out.PONG, got.body))
        raise AssertionError(f"the client sent no frame of kinds {kinds}")

    def expect_ping(self) -> Frame:
        """The next PING, which the caller answers."""
        got = self.read_frame()
        assert got.kind == wire_out.PING, got
        return got

    def expect_end(self) -> None:
        """The client ends the connection."""
        while True:
            try:
                self.read_frame()
            except (EOFError, ConnectionError):
                return

    def publishes(self, count: int) -> List[bytes]:
        """The payloads of the next events, ``count`` in all; acknowledges nothing."""
        payloads: List[bytes] = []
        while len(payloads) < count:
            got = self.read_frame()
            if got.kind == wire_out.PUBLISH:
                payloads += got.events
            elif got.kind == wire_out.PING:
                self.send(frame(wire_out.PONG, got.body))
        return payloads

    def close(self) -> None:
        self.socket.close()


class FakeDaemon:
    """Listens at a Unix socket of its own, or at a TCP port."""

    def __init__(self, tcp: bool = False) -> None:
        self.folder = tempfile.mkdtemp(prefix="nexusd-")
        self.path = os.path.join(self.folder, "s")
        self._connections: List[Connection] = []
        self._tcp = tcp
        self.listen()

    @property
    def address(self) -> str:
        if self._tcp:
            return "127.0.0.1:%d" % self._socket.getsockname()[1]
        return "unix:" + self.path

    def listen(self) -> None:
        self._socket = socket.socket(socket.AF_INET if self._tcp else socket.AF_UNIX)
        self._socket.bind(("127.0.0.1", 0) if self._tcp else self.path)
        self._socket.listen(16)
        self._socket.settimeout(LIMIT)

    def stop_listening(self) -> None:
        self._socket.close()
        if not self._tcp and os.path.exists(self.path):
            os.unlink(self.path)

    def accept(self) -> Connection:
        connection = Connection(self._socket.accept()[0])
        self._connections.append(connection)
        return connection

    def hang_up(self) -> None:
        for connection in self._connections:
            connection.close()

    def close(self) -> None:
        self.stop_listening()
        self.hang_up()
        shutil.rmtree(self.folder, ignore_errors=True)


def eventually(what: str, condition: Callable[[], bool]) -> None:
    """Waits for a state; fails loudly when it does not come."""
    end = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {LIMIT:g} s")
        time.sleep(0.002)


class FakeDaemonTest(unittest.TestCase):
    """A test with a daemon of its own and clients that are closed at its end."""

    tcp = False

    def setUp(self) -> None:
        self.fake = FakeDaemon(self.tcp)
        self.addCleanup(self.fake.close)

    def make(self, kind: Type[_C] = NexusdClient, **options: Any) -> _C:  # type: ignore[assignment]
        """A client that is quick to reconnect and quick to close."""
        settings: Dict[str, Any] = {"reconnect_min": 0.001, "reconnect_max": 0.01, "close_timeout": 0.05, **options}
        address = settings.pop("address", None)
        client = kind(self.fake.address if address is None else address, **settings)
        self.addCleanup(client._session.join)
        self.addCleanup(client._session.close, 0.0)
        # First, so that no client waits for the answer to its BYE.
        self.addCleanup(self.fake.hang_up)
        return client

    def connect(self, client: Any, **welcome_fields: Any) -> Connection:
        """Lets the client connect."""
        client._session.start()
        connection = self.fake.accept().greet(**welcome_fields)
        eventually("connected", lambda: client.state == "connected")
        return connection
