"""The I/O thread of a client: connects, writes, reads, and connects again."""

from __future__ import annotations

import os
import random
import selectors
import socket
import threading
import time
from typing import TYPE_CHECKING, Optional

from . import wire_in
from .errors import ConnectError
from .dispatch import Dispatch
from .handle import Completion
from .handshake import Handshake, opening, unreachable
from .options import DaemonInfo
from .properties import Malformed
from .stream import Stream

if TYPE_CHECKING:
    from .address import EndPoint
    from .session import Session

# How often what was read is looked at while there is more to read.
_READS_AT_ONCE = 8
_BYE_SECONDS = 1.0
_FOREVER = float("inf")


class _Stopped(Exception):
    """The client is to be closed, and nothing of it has to be sent any more."""


class Backoff:
    """How long to wait before the next attempt: a random part of a bound that doubles, so that a thousand clients of
    a restarted daemon do not come back in step."""

    def __init__(self, least: float, most: float, randomness: Optional[random.Random] = None) -> None:
        self._least = least
        self._most = most
        self._bound = least
        self._random = randomness or random.Random()

    def next(self) -> float:
        """Seconds, at least a tenth of the minimum."""
        floor = self._least / 10
        wait = floor + self._random.random() * (self._bound - floor)
        self._bound = min(self._bound * 2, self._most)
        return wait

    def reset(self) -> None:
        """A daemon answered: start from the minimum again."""
        self._bound = self._least


class Worker:
    """All I/O of a session. One connection at a time; nothing here blocks but the wait for something to do."""

    def __init__(self, session: "Session") -> None:
        assert session.wake_reader is not None
        self._session = session
        self._outbox = session.outbox
        self._options = session.options
        self._backoff = Backoff(self._options.reconnect_min, self._options.reconnect_max)
        self._selector = selectors.DefaultSelector()
        self._wake_reader = session.wake_reader
        self._selector.register(self._wake_reader, selectors.EVENT_READ)
        self._stream: Optional[Stream] = None
        self._events = 0
        self._publisher = 0
        self._flushed: Optional[Completion[None]] = None
        self._close_by = _FOREVER
        self._bye_by = _FOREVER
        self._received_at = 0.0
        self._sent_at = 0.0
        self._ping_at = 0.0
        # False: the socket takes nothing more, but may have something to read.
        self._sending = True
        # Writing stopped in the middle, to read for a while.
        self._again = False

    def begin_close(self, deadline: float) -> None:
        """Sends what is buffered until then at most, and ends."""
        if self._session.closed.done:
            return
        self._close_by = min(self._close_by, deadline)
        if self._flushed is None:
            self._flushed = self._outbox.flush()

    def close_in_child(self) -> None:
        """After a fork: gives back this process's copies of the descriptors, so that the connection can end."""
        # Not unregister: that would change the set that the parent waits for.
        if self._stream is not None:
            self._stream.close()
        self._selector.close()

    def run(self) -> None:
        """The thread."""
        self._outbox.io_thread = threading.get_ident()
        session = self._session
        session.set_state("connecting")
        try:
            while True:
                error = self._connect_and_serve()
                session.last_error = error
                wait = self._backoff.next()
                session.set_state("reconnecting", error, wait)
                self._wait(time.monotonic() + wait)
        except _Stopped:
            pass
        finally:
            session.closing = True
            self._drop_stream()
            session.finish()
            self._selector.close()

    # -- connecting -------------------------------------------------------------------------------------------------

    def _connect_and_serve(self) -> ConnectError:
        try:
            stream, welcome = self._connect()
        except ConnectError as error:
            self._drop_stream()
            return error
        orderly = False
        try:
            error, orderly = self._serve(stream, welcome)
        except Malformed as broken:
            error = ConnectError(
                f"nexusd at {self._session.address} broke the protocol ({broken}): please report it; connecting again.",
                2,
            )
        finally:
            self._drop_stream()
            self._outbox.detach(all_taken=orderly and self._outbox.said_bye())
        if self._bye_by != _FOREVER:
            raise _Stopped
        return error

    def _connect(self) -> "tuple[Stream, wire_in.Welcome]":
        failure: Optional[OSError] = None
        refusal: Optional[ConnectError] = None
        timed_out = False
        for end_point in self._session.address.resolve():
            self._drop_stream()
            try:
                return self._greet(end_point, time.monotonic() + self._options.connect_timeout)
            except ConnectError as error:
                refusal = error if refusal is None or error.permanent else refusal
            except TimeoutError:
                timed_out = True
            except OSError as error:
                # Of several addresses the one that was refused says more than the one that does not exist here.
                if failure is None or isinstance(error, ConnectionRefusedError):
                    failure = error
        if refusal is not None:
            raise refusal
        cause = None if timed_out else failure
        raise unreachable(str(self._session.address), cause, self._options.connect_timeout)

    def _greet(self, end_point: "EndPoint", deadline: float) -> "tuple[Stream, wire_in.Welcome]":
        stream = Stream.begin(end_point)
        self._stream = stream
        self._watch(selectors.EVENT_WRITE)
        self._wait_for_socket(deadline)
        code = stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
        data = memoryview(opening(self._options, self._publisher, self._outbox.first_number()))
        handshake = Handshake(str(self._session.address))
        broken: Optional[OSError] = None
        while True:
            if data and broken is None:
                try:
                    data = data[stream.send(data):]
                except OSError as error:
                    # What the other side said before it closed is worth more than that it closed.
                    broken = error
            self._watch(selectors.EVENT_READ | (selectors.EVENT_WRITE if data and broken is None else 0))
            self._wait_for_socket(deadline)
            try:
                count = stream.fill()
            except OSError as error:
                raise handshake.ended(stream, error) from error
            welcome = handshake.take(stream) if count != 0 or stream.peeked else None
            if welcome is not None:
                return stream, welcome
            if count == 0:
                raise handshake.ended(stream, broken)

    def _wait_for_socket(self, deadline: float) -> None:
        """Waits until the socket can do what is watched for. Raises TimeoutError, _Stopped."""
        while True:
            now = time.monotonic()
            if now >= deadline:
                raise TimeoutError
            if self._select(min(deadline, self._close_by) - now):
                return
            self._run_posted()
            self._check_closing()

    def _wait(self, until: float) -> None:
        """Between two connections."""
        while True:
            self._run_posted()
            self._check_closing()
            now = time.monotonic()
            if now >= until:
                return
            self._select(min(until, self._close_by) - now)

    def _check_closing(self) -> None:
        if self._flushed is not None and (self._flushed.done or time.monotonic() >= self._close_by):
            raise _Stopped

    # -- serving ----------------------------------------------------------------------------------------------------

    def _serve(self, stream: Stream, welcome: wire_in.Welcome) -> "tuple[ConnectError, bool]":
        """Until the connection ends. Returns why, and whether the daemon ended it without an error."""
        session = self._session
        self._publisher = welcome.publisher_id
        session.daemon = DaemonInfo(
            welcome.node_id.hex(), welcome.node_name, welcome.cluster, welcome.daemon_version, welcome.max_payload,
            welcome.publisher_id,
        )
        self._run_posted()
        session.connections += 1
        if not self._outbox.attach(welcome, session.restored()):
            self._publisher = 0
            return ConnectError("The daemon takes smaller events than the one before; connecting again."), False
        self._backoff.reset()
        session.last_error = None
        session.set_state("connected")
        dispatch = Dispatch(session, welcome)
        keep_alive = self._options.keep_alive
        if welcome.idle_timeout_ms:
            keep_alive = min(keep_alive, max(0.1, welcome.idle_timeout_ms / 3000))
        silence = 3 * self._options.keep_alive
        self._received_at = self._sent_at = self._ping_at = time.monotonic()
        out = memoryview(b"")
        ended = dispatch.take(stream)
        writable = True
        while ended is None:
            self._run_posted()
            self._close_step()
            if writable and self._sending:
                out, writable = self._write(stream, out)
            self._watch(selectors.EVENT_READ | (0 if writable else selectors.EVENT_WRITE))
            ready = self._select(self._pause(keep_alive, silence, writable))
            if ready & selectors.EVENT_WRITE:
                writable = True
            if ready & selectors.EVENT_READ:
                ended = self._read(stream, dispatch)
            if ended is None:
                ended = self._look_at_clock(keep_alive, silence)
        return ended

    def _write(self, stream: Stream, out: memoryview) -> "tuple[memoryview, bool]":
        """Writes until nothing waits or nothing fits. Returns the rest, and whether the socket takes more."""
        for _ in range(_READS_AT_ONCE):
            if not out:
                out = memoryview(self._outbox.take())
                if not out:
                    return out, True
            try:
                count = stream.send(out)
            except OSError:
                # The reading side tells why: the daemon may have said it before it closed.
                self._sending = False
                return out, True
            if count == 0:
                return out, False
            self._sent_at = time.monotonic()
            out = out[count:]
            self._outbox.written(count)
        self._again = True
        return out, True

    def _read(self, stream: Stream, dispatch: Dispatch) -> "Optional[tuple[ConnectError, bool]]":
        where = self._session.address
        for _ in range(_READS_AT_ONCE):
            try:
                count = stream.fill()
            except OSError as error:
                text = f"The connection to nexusd at {where} broke ({error.strerror}); connecting again."
                return ConnectError(text), False
            if count is None:
                return None
            if count == 0:
                return ConnectError(f"The connection to nexusd at {where} ended; connecting again."), True
            self._received_at = time.monotonic()
            ended = dispatch.take(stream)
            if ended is not None:
                return ended
            if count < 65536:
                return None
        return None

    def _pause(self, keep_alive: float, silence: float, writable: bool) -> float:
        """Seconds until something is due."""
        self._session.awake = False
        if self._session.posted or self._again or (writable and self._sending and self._outbox.has_work()):
            self._again = False
            return 0.0
        now = time.monotonic()
        due = min(
            max(self._sent_at, self._ping_at) + keep_alive,
            max(self._received_at, self._ping_at) + keep_alive,
            self._received_at + silence,
            self._close_by if self._bye_by == _FOREVER else self._bye_by,
        )
        return max(0.0, due - now)

    def _look_at_clock(self, keep_alive: float, silence: float) -> "Optional[tuple[ConnectError, bool]]":
        now = time.monotonic()
        if now >= self._received_at + silence:
            text = f"nexusd at {self._session.address} has been silent for {silence:g} s; connecting again."
            return ConnectError(text), False
        if now >= self._bye_by:
            return ConnectError("The daemon did not end the connection after BYE."), False
        if now >= self._ping_at + keep_alive and now >= min(self._sent_at, self._received_at) + keep_alive:
            self._ping_at = now
            self._outbox.ping()
        return None

    def _close_step(self) -> None:
        if self._flushed is None or self._bye_by != _FOREVER:
            return
        now = time.monotonic()
        if self._flushed.done or now >= self._close_by:
            self._bye_by = now + _BYE_SECONDS
            self._outbox.leave()

    # -- waiting ----------------------------------------------------------------------------------------------------

    def _run_posted(self) -> None:
        posted = self._session.posted
        while posted:
            call, arguments = posted.popleft()
            call(*arguments)

    def _watch(self, events: int) -> None:
        assert self._stream is not None
        if events == self._events:
            return
        if self._events == 0:
            self._selector.register(self._stream.socket, events)
        else:
            self._selector.modify(self._stream.socket, events)
        self._events = events

    def _select(self, timeout: float) -> int:
        """Waits; returns what the socket can do, 0 for nothing."""
        self._session.awake = False
        if self._session.posted:
            timeout = 0.0
        ready = 0
        for key, mask in self._selector.select(None if timeout == _FOREVER else max(0.0, timeout)):
            if key.fileobj is self._wake_reader:
                self._session.awake = True
                try:
                    self._wake_reader.recv(4096)
                except OSError:
                    pass
            else:
                ready = mask
        self._session.awake = True
        return ready

    def _drop_stream(self) -> None:
        stream, self._stream = self._stream, None
        self._sending = True
        if stream is None:
            return
        if self._events:
            self._selector.unregister(stream.socket)
            self._events = 0
        stream.close()
