"""What a client is behind its face: state, subscriptions and queries, for any thread."""

from __future__ import annotations

import atexit
import logging
import os
import socket
import threading
import time
import weakref
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Optional, Tuple

from . import codes, wire_out
from .address import Address
from .channel import Channel
from .errors import ClosedError, ConnectError, QueryError
from .handle import Completion, forget_waits_in_child, fresh
from .options import ClientOptions, DaemonInfo, StateChange, Statistics
from .outbox import Outbox
from .worker import Worker

_log = logging.getLogger("nexusd_client")
_sessions: "weakref.WeakSet[Session]" = weakref.WeakSet()

# How long the end of the interpreter may wait for what was published last.
_EXIT_SECONDS = 1.0


class Session:
    """One session with a daemon, over any number of connections. The face of a client holds it, and its thread does."""

    def __init__(self, address: Optional[str], options: ClientOptions) -> None:
        self.address = Address.parse(address)
        self.options = options
        self.posted: Deque[Tuple[Callable[..., None], Tuple[Any, ...]]] = deque()
        self.outbox = Outbox(options.publish_buffer_bytes, options.acknowledge_timeout, self.wake, self.posted)
        self.channels: Dict[int, Channel] = {}
        self.queries: Dict[int, Tuple[bytes, Completion[str]]] = {}
        self.closed: Completion[None] = Completion()
        self.daemon: Optional[DaemonInfo] = None
        self.state = "idle"
        self.last_error: Optional[ConnectError] = None
        self.received = 0
        self.lost = 0
        self.connections = 0
        self.closing = False
        self._gate = threading.Lock()
        self._ready: List[Completion[None]] = []
        self._last_id = 0
        self._thread: Optional[threading.Thread] = None
        self._pid = os.getpid()
        self.awake = False
        self.wake_reader: Optional[socket.socket] = None
        self._wake_writer: Optional[socket.socket] = None
        self.worker: Optional[Worker] = None
        _sessions.add(self)

    # -- life -------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Starts to connect, once. Raises ClosedError."""
        if self._thread is not None and not self.closing:
            return
        with self._gate:
            self._check_open()
            if self._thread is not None:
                return
            self.wake_reader, self._wake_writer = socket.socketpair()
            self.wake_reader.setblocking(False)
            self._wake_writer.setblocking(False)
            self.worker = Worker(self)
            self._thread = threading.Thread(target=self.worker.run, name="nexusd-client", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Tells the I/O thread that there is something to do. Takes no lock, so finalizers may call it."""
        writer = self._wake_writer
        if self.awake or writer is None:
            return
        self.awake = True
        try:
            writer.send(b"\0")
        except OSError:
            pass

    def post(self, call: Callable[..., None], *arguments: Any) -> None:
        """Has something done by the I/O thread, before events that are published from now on are sent."""
        self.tell(call, *arguments)
        if self.closed.done:
            self._run_posted()

    def tell(self, call: Callable[..., None], *arguments: Any) -> None:
        """The same where nobody minds when the thread has ended. Takes no lock, so finalizers may call it."""
        self.posted.append((call, arguments))
        self.wake()

    def close(self, timeout: Optional[float] = None) -> Completion[None]:
        """Sends what is buffered, then ends. Harmless when it was called before."""
        if self._pid != os.getpid():
            self.closed.resolve(None)
            return self.closed
        with self._gate:
            first = not self.closing
            self.closing = True
            thread = self._thread
        if first:
            if thread is None:
                self.finish()
            else:
                limit = self.options.close_timeout if timeout is None else timeout
                self.post(self._worker().begin_close, time.monotonic() + limit)
        return self.closed

    def abandon(self) -> None:
        """The application dropped the client: closes it in the background. Takes no lock."""
        if self.closing or self._pid != os.getpid():
            return
        self.closing = True
        if self._thread is None:
            self.outbox.closed = closed_error()
        else:
            self.tell(self._worker().begin_close, time.monotonic() + self.options.close_timeout)

    def finish(self) -> None:
        """Everything ended: called by the I/O thread as its last act."""
        error = closed_error()
        self.outbox.close(error)
        for channel in list(self.channels.values()):
            channel.end(None)
        self.channels.clear()
        for _, answer in self.queries.values():
            answer.fail(error)
        self.queries.clear()
        self.set_state("closed")
        writer, self._wake_writer = self._wake_writer, None
        if writer is not None:
            writer.close()
        if self.wake_reader is not None:
            self.wake_reader.close()
        self.closed.resolve(None)
        # What was asked for at the last moment ends as well.
        self._run_posted()

    def _run_posted(self) -> None:
        while True:
            try:
                call, arguments = self.posted.popleft()
            except IndexError:
                return
            call(*arguments)

    def is_own_thread(self) -> bool:
        """Whether this is the I/O thread, as in a callback."""
        return threading.current_thread() is self._thread

    def join(self) -> None:
        """Waits until the thread has ended, unless this is it."""
        thread = self._thread
        if thread is not None and not self.is_own_thread() and self._pid == os.getpid():
            thread.join()

    def forget_in_child(self) -> None:
        """This process was forked off the one that made the client: nothing that was started can be used here."""
        self._gate = threading.Lock()
        if self._thread is None and not self.closing:
            # Not used yet, as in a server that makes its workers by forking: it starts in each of them.
            self._pid = os.getpid()
            self.outbox.new_locks()
            return
        error = ClosedError(
            f"This client was made in process {self._pid}, and this is a fork of it, which shares no connection and no "
            "thread: make a new client after the fork."
        )
        self.outbox.new_locks()
        self.outbox.tail = self.outbox.nothing
        self.outbox.closed = error
        self.closing = True
        self.state = "closed"
        for channel in list(self.channels.values()):
            channel.forget_in_child(error)
        if self.worker is not None:
            self.worker.close_in_child()
        for pipe in (self.wake_reader, self._wake_writer):
            if pipe is not None:
                pipe.close()
        self._wake_writer = None

    # -- state ------------------------------------------------------------------------------------------------------

    def ready(self) -> Completion[None]:
        """Done when connected; fails at once where waiting does not help."""
        self.start()
        done: Completion[None] = Completion()
        with self._gate:
            if self.state == "connected":
                done.resolve(None)
            elif self.closing:
                done.fail(closed_error())
            elif self.last_error is not None and self.last_error.permanent:
                done.fail(self.last_error)
            else:
                self._ready = [waiting for waiting in self._ready if not waiting.done]
                self._ready.append(done)
        return done

    def give_up(self, done: Completion[None]) -> None:
        """A wait for the connection was given up."""
        with self._gate:
            if done in self._ready:
                self._ready.remove(done)

    def not_ready(self, timeout: float) -> ConnectError:
        """The error for a wait that took too long."""
        last = self.last_error
        if last is None:
            return ConnectError(f"nexusd at {self.address} was not reached within {timeout:g} s.")
        return ConnectError(str(last), last.code, last.permanent)

    def set_state(self, state: str, error: Optional[ConnectError] = None, retry_after: Optional[float] = None) -> None:
        """The connection came or went: tells who waits for it, and the callback."""
        with self._gate:
            previous, self.state = self.state, state
            waiting: List[Completion[None]] = []
            if state in ("connected", "closed") or (error is not None and error.permanent):
                waiting, self._ready = self._ready, []
        for done in waiting:
            if state == "connected":
                done.resolve(None)
            else:
                done.fail(error if error is not None else closed_error())
        if previous != state or error is not None:
            self.call_back(self.options.on_state, StateChange(previous, state, error, retry_after))

    def call_back(self, callback: Optional[Callable[[Any], object]], argument: object) -> None:
        """Calls the application; what it throws is logged and ends nothing."""
        if callback is None:
            return
        try:
            callback(argument)
        except Exception:
            _log.exception("a callback of the application failed")

    def statistics(self) -> Statistics:
        """The counters."""
        box = self.outbox
        return Statistics(
            box.published, box.refused, self.received, self.lost, box.in_doubt, self.connections, box.buffered_bytes
        )

    # -- subscriptions and queries ----------------------------------------------------------------------------------

    def open(self, channel: Channel) -> None:
        """Opens a subscription."""
        self.start()
        with self._gate:
            self._check_open()
            self._last_id += 1
            channel.id = self._last_id
        self.post(self._open, channel)

    def leave(self, channel: Channel) -> None:
        """Closes a subscription. Takes no lock, so finalizers may call it."""
        self.tell(self._leave, channel)

    def pause(self, channel: Channel, milliseconds: int) -> Completion[None]:
        """Lets a kept subscription wait, or go on with 0."""
        done: Completion[None] = Completion()
        self.post(self._pause, channel, milliseconds, done)
        return done

    def grant(self, channel: Channel, amount: int, epoch: int) -> None:
        """Gives credit for what the application took."""
        self.post(self._grant, channel, amount, epoch)

    def query(self, text: str) -> Tuple[int, Completion[str]]:
        """Asks the daemon for status."""
        utf8 = text.encode("utf-8", "replace") if isinstance(text, str) else b""
        if not 1 <= len(utf8) <= wire_out.MAX_QUERY_BYTES or 0 in utf8:
            raise QueryError(
                f"The query is {text!r}; give a text of 1 to {wire_out.MAX_QUERY_BYTES} bytes, such as 'status'.",
                codes.UNKNOWN_QUERY,
            )
        self.start()
        answer: Completion[str] = Completion()
        with self._gate:
            self._check_open()
            self._last_id += 1
            request = self._last_id
        self.post(self._ask, request, utf8, answer)
        return request, answer

    def drop_query(self, request: int) -> None:
        """Nobody waits for the answer any more."""
        self.post(self._drop_query, request)

    # -- done by the I/O thread -------------------------------------------------------------------------------------

    def restored(self) -> List[bytes]:
        """What a new connection begins with."""
        frames = [channel.subscribe_frame() for channel in self.channels.values()]
        frames.extend(wire_out.query(request, text) for request, (text, _) in self.queries.items())
        return frames

    def _open(self, channel: Channel) -> None:
        if channel.ended:
            return
        if self.outbox.closed is not None:
            channel.end(None)
            return
        self.channels[channel.id] = channel
        if self.outbox.connected:
            self.outbox.send_control(channel.subscribe_frame())

    def _leave(self, channel: Channel) -> None:
        if self.channels.pop(channel.id, None) is not None:
            # One that is paused waits for its successor.
            if not channel.is_paused:
                self.outbox.send_control(wire_out.unsubscribe(channel.id))
        channel.discard()
        channel.end(None)

    def _pause(self, channel: Channel, milliseconds: int, done: Completion[None]) -> None:
        if channel.id not in self.channels:
            done.fail(channel.error or ClosedError("The subscription was closed: subscribe again for more events."))
            return
        frame = channel.begin_pause(milliseconds, done, self.outbox.connected)
        if self.outbox.connected:
            self.outbox.send_control(frame)

    def _grant(self, channel: Channel, amount: int, epoch: int) -> None:
        # What was taken before a new connection was made is part of the credit that it began with.
        if epoch == channel.epoch and channel.id in self.channels:
            self.outbox.send_control(wire_out.credit(channel.id, amount))

    def _ask(self, request: int, text: bytes, answer: Completion[str]) -> None:
        if self.outbox.closed is not None:
            answer.fail(self.outbox.closed)
            return
        self.queries[request] = (text, answer)
        self.outbox.send_control(wire_out.query(request, text))

    def _drop_query(self, request: int) -> None:
        self.queries.pop(request, None)

    def _check_open(self) -> None:
        if self.outbox.closed is not None:
            raise fresh(self.outbox.closed)
        if self.closing:
            raise closed_error()

    def _worker(self) -> Worker:
        assert self.worker is not None
        return self.worker


def closed_error() -> ClosedError:
    """The error for calls of a closed client."""
    return ClosedError("The client was closed: make a new one to publish or subscribe again.")


def _close_at_exit() -> None:
    sessions = [session for session in list(_sessions) if session.state not in ("idle", "closed")]
    for session in sessions:
        waits = session.outbox.connected
        session.close(_EXIT_SECONDS if waits else 0.0)
    end = time.monotonic() + 2 * _EXIT_SECONDS
    for session in sessions:
        session.closed.wait(max(0.0, end - time.monotonic()))


def _forget_in_child() -> None:
    forget_waits_in_child()
    for session in list(_sessions):
        session.forget_in_child()


atexit.register(_close_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
