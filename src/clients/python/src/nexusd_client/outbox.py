"""The publish buffer: what was published and not sent, or sent and not acknowledged."""

from __future__ import annotations

import threading
from collections import deque
from typing import Callable, Deque, List, Optional, Sequence, Sized, Tuple

from . import codes, wire_out
from .errors import BufferFullError, ClosedError, PublishError
from .handle import Completion, PublishHandle, RunOutcome, fresh, refused
from .runs import RUN_LIMIT, Run, Topic, TopicTable, has_handles, no_run
from .properties import Malformed
from .wire_in import Ack, Welcome

# A sync publisher that may wait does so at this many bytes while the daemon is there: more only makes events late.
WAIT_ABOVE = 1 << 20
WRITE_BYTES = 256 * 1024


class Outbox:
    """Events on their way to the daemon, in the order in which they were published.

    Any thread appends; the I/O thread alone takes, and is told what became of what it took. ``lock`` guards all that
    both touch. Nothing that may call into the application happens while it is held.

    Events are counted from 1 on (``seq``), whatever numbers the daemon gives them.
    """

    def __init__(
        self, buffer_bytes: int, acknowledge_timeout: float, wake: Callable[[], None], posted: Sized
    ) -> None:
        self.new_locks()
        # The run that is still open for more events; `nothing` where none is.
        self.nothing = no_run()
        self.tail = self.nothing
        self._drains: List[Completion[None]] = []
        self._flushes: List[Tuple[int, Completion[None]]] = []
        self._topics = TopicTable()
        self._queue: Deque[Run] = deque()
        self._sent: Deque[Run] = deque()
        self._acks: Deque[Run] = deque()
        self._control: List[bytes] = []
        self._wake = wake
        self._posted = posted
        self._limit = buffer_bytes
        self._ack_timeout = acknowledge_timeout
        self._held = 0
        self._closed_seq = 0
        self._sent_seq = 0
        self._confirmed_seq = 0
        self._next_number = 1
        self._connection = 0
        self._max_payload = wire_out.DEFAULT_MAX_PAYLOAD
        self._max_frame = wire_out.DEFAULT_MAX_FRAME
        self._taken_offset = 0
        self._written_offset = 0
        self._ping_now = False
        self._flush_seq = 0
        self._leaving = False
        self.connected = False
        self.closed: Optional[ClosedError] = None
        self.io_thread = 0
        self.in_doubt = 0
        self.refused = 0

    def new_locks(self) -> None:
        """At the start, and after a fork, where the thread that held the old ones may not exist."""
        self.lock = threading.Lock()
        self._room = threading.Condition(self.lock)

    # -- any thread -------------------------------------------------------------------------------------------------

    def append(
        self, name: str, payload: bytes, flags: int, props: bytes, may_wait: Callable[[], bool]
    ) -> PublishHandle:
        """Adds an event. Raises PublishError, BufferFullError, ClosedError."""
        with self.lock:
            while True:
                if self.closed is not None:
                    raise fresh(self.closed)
                topic = self._topics.find(name)
                self._check_size(topic, len(payload), len(props))
                run = self.tail
                size = run.size + 4 + len(payload)
                if run.topic is not topic or run.flags != flags or run.props != props or size > run.limit:
                    opened = self._open(topic, flags, props, len(payload), may_wait)
                    if opened is None:
                        self._room.wait()
                        continue
                    run = opened
                    size = run.size + 4 + len(payload)
                run.size = size
                run.payloads.append(payload)
                return PublishHandle(run.outcome, len(run.payloads) - 1)

    def append_many(self, name: str, payloads: Sequence[bytes], flags: int, may_wait: Callable[[], bool]) -> int:
        """Adds events of one topic; the first that does not fit ends it. Returns how many were taken."""
        longest = max(map(len, payloads))
        alike = longest == min(map(len, payloads))
        at, count = 0, len(payloads)
        with self.lock:
            topic = self._topics.find(name)
            self._check_size(topic, longest, 0)
            while at < count:
                if self.closed is not None:
                    raise fresh(self.closed)
                run = self.tail
                if run.topic is not topic or run.flags != flags or run.props:
                    room = -1
                else:
                    room = run.limit - run.size
                if room < 4 + len(payloads[at]):
                    opened = self._try_open(topic, flags, b"", len(payloads[at]), may_wait)
                    if opened is None:
                        if not self._may_wait_for_room(may_wait):
                            self.refused += count - at
                            return at
                        self._room.wait()
                        continue
                    run = opened
                    room = max(run.limit - run.size, 4 + len(payloads[at]))
                at = run.fill(payloads, at, room, longest if alike else None)
        return at

    def flush(self) -> Completion[None]:
        """Done when the daemon has taken all that was published so far."""
        done: Completion[None] = Completion()
        with self.lock:
            if self.closed is not None:
                done.fail(self.closed)
                return done
            seq = self._closed_seq + len(self.tail.payloads)
            if self._confirmed_seq >= seq and not self._acks and not self._queue:
                done.resolve(None)
                return done
            self._flushes.append((seq, done))
            self._flush_seq = max(self._flush_seq, seq)
        self._wake()
        return done

    def drain(self) -> Completion[None]:
        """Done when the buffer holds less than what makes a publisher wait."""
        done: Completion[None] = Completion()
        with self.lock:
            if self.closed is not None:
                done.fail(self.closed)
            elif self._held + self.tail.size <= self._low():
                done.resolve(None)
            else:
                self._drains.append(done)
        return done

    def send_control(self, frame: bytes) -> None:
        """Sends a frame of the session before the events that wait, unless there is no connection."""
        with self.lock:
            if not self.connected or self._leaving:
                return
            self._control.append(frame)
        self._wake()

    def ping(self) -> None:
        """Asks for a sign of life, which confirms also what was sent before."""
        with self.lock:
            self._ping_now = True

    @property
    def published(self) -> int:
        """Events that were taken into the buffer."""
        return self._closed_seq + len(self.tail.payloads)

    @property
    def buffered_bytes(self) -> int:
        """Bytes that wait to be sent or acknowledged."""
        return self._held + (self.tail.size if self.tail is not self.nothing else 0)

    def close(self, error: ClosedError) -> None:
        """Ends all waits; nothing is taken from now on."""
        with self.lock:
            self.closed = error
            self.connected = False
            self._close_tail()
            runs = [*self._sent, *self._queue]
            self._sent.clear()
            self._queue.clear()
            self._acks.clear()
            self._held = 0
            flushes, self._flushes = self._flushes, []
            drains, self._drains = self._drains, []
            self._room.notify_all()
        for run in runs:
            run.outcome.fail(error)
        for _, flush in flushes:
            flush.fail(error)
        for drain in drains:
            drain.fail(error)

    # -- the I/O thread ---------------------------------------------------------------------------------------------

    def first_number(self) -> int:
        """Number of the first event that the next connection will carry: for HELLO."""
        with self.lock:
            if self._queue and self._queue[0].number:
                return self._queue[0].number
        return self._next_number

    def attach(self, welcome: Welcome, restore: List[bytes]) -> bool:
        """A connection is there: ``restore`` goes first, then what has to be sent (again).

        False: this daemon takes smaller events than the one before, so some were taken out and the numbers of others
        are new: connect again with a new publisher id.
        """
        with self.lock:
            self._connection += 1
            self._topics.max_aliases = welcome.max_aliases
            self._max_payload = welcome.max_payload
            self._max_frame = welcome.max_frame
            self._next_number = welcome.next_number
            dropped, renumbered = self._take_out_too_large()
        for run in dropped:
            run.outcome.fail(self._too_large(max(map(len, run.payloads))))
        if renumbered:
            return False
        with self.lock:
            self._taken_offset = self._written_offset = 0
            self._control = list(restore)
            self._ping_now = self._leaving = False
            self._flush_seq = max([seq for seq, _ in self._flushes], default=0)
            self.connected = True
        return True

    def detach(self, all_taken: bool) -> None:
        """The connection is gone: what was not confirmed and needs it is sent again with the next one.

        ``all_taken``: the daemon ended the connection in answer to BYE, so it has all that was written.
        """
        with self.lock:
            self.connected = False
            self._trim()
            for run in self._sent:
                run.waiting = False
            self._queue.extendleft(reversed(self._sent))
            self._sent.clear()
            self._acks.clear()
            self._control.clear()
            before = self._queue[0].first_seq - 1 if self._queue and self._queue[0].first_seq else self._closed_seq
            if before > self._confirmed_seq:
                self.in_doubt += 0 if all_taken else before - self._confirmed_seq
                self._confirmed_seq = before
            self._sent_seq = before
            if self._queue and self._queue[0].number:
                self._next_number = self._queue[0].number
            self._room.notify_all()
        if all_taken:
            self._confirm(before)

    def take(self) -> bytes:
        """What to write next: frames of the session, then events. Empty: nothing waits."""
        runs: List[Run] = []
        with self.lock:
            parts = self._control
            self._control = []
            total = 0
            queue = self._queue
            # What was asked for before these events were published, such as a subscription, goes before them.
            while queue and total < WRITE_BYTES and not self._posted and not self._leaving:
                run = queue.popleft()
                if run is self.tail:
                    self._close_tail()
                total += run.size
                runs.append(run)
            ping_due = not self._leaving and (self._ping_now or bool(self._flush_seq))
        offset = self._taken_offset + sum(map(len, parts))
        for run in runs:
            offset += self._encode(run, parts)
            run.end_offset = offset
        flushed = self._sent_seq >= self._flush_seq
        if ping_due and (self._ping_now or flushed):
            # The answer confirms the events before it.
            self._ping_now = False
            self._flush_seq = 0 if flushed else self._flush_seq
            frame = wire_out.ping(self._sent_seq)
            parts.append(frame)
            offset += len(frame)
        with self.lock:
            self._sent.extend(runs)
        self._taken_offset = offset
        return b"".join(parts)

    def has_work(self) -> bool:
        """Whether something waits to be written."""
        if self._leaving:
            return bool(self._control)
        flush_due = bool(self._flush_seq) and self._sent_seq >= self._flush_seq
        return bool(self._control or self._queue or self._ping_now or flush_due)

    def leave(self) -> None:
        """Says BYE behind what was begun: no events follow."""
        with self.lock:
            if not self._leaving:
                self._control.append(wire_out.BYE)
                self._leaving = True

    def said_bye(self) -> bool:
        """Whether BYE is in the socket, with everything before it."""
        return self._leaving and not self._control and self._taken_offset == self._written_offset

    def written(self, amount: int) -> None:
        """So many more bytes are in the socket."""
        self._written_offset += amount
        with self.lock:
            self._trim()
            drains = self._take_drains()
        for drain in drains:
            drain.resolve(None)

    def on_ack(self, ack: Ack) -> None:
        """Takes an ACK."""
        if not self._acks:
            raise Malformed("ACK that nobody asked for")
        run = self._acks.popleft()
        run.waiting = False
        count = len(run.payloads)
        with self.lock:
            self._trim()
            drains = self._take_drains()
        if ack.code == 0:
            run.outcome.resolve(RunOutcome(ack.number, ack.local, ack.peers))
        else:
            run.outcome.fail(refused(ack.code, codes.error_name(ack.code)))
        for drain in drains:
            drain.resolve(None)
        self._confirm(run.first_seq + count - 1)

    def on_pong(self, seq: int) -> None:
        """Takes a PONG: the daemon has taken every event up to ``seq``."""
        self._confirm(min(seq, self._sent_seq))

    # -- with the lock held -----------------------------------------------------------------------------------------

    def _open(
        self, topic: Topic, flags: int, props: bytes, length: int, may_wait: Callable[[], bool]
    ) -> Optional[Run]:
        """A new run; None: wait for room and try again. Raises BufferFullError where the caller may not wait."""
        run = self._try_open(topic, flags, props, length, may_wait)
        if run is None and not self._may_wait_for_room(may_wait):
            self.refused += 1
            raise self.buffer_full()
        return run

    def _try_open(
        self, topic: Topic, flags: int, props: bytes, length: int, may_wait: Callable[[], bool]
    ) -> Optional[Run]:
        self._close_tail()
        size = wire_out.PUBLISH_HEADER_BYTES + len(props) + 4 + length
        held = self._held
        limit = self._limit
        if held + size > WAIT_ABOVE and held and self.connected and limit > WAIT_ABOVE and may_wait():
            limit = WAIT_ABOVE
        if held and held + size > limit:
            return None
        run = Run(topic, flags, props, max(min(RUN_LIMIT, limit - held), size), self._ack_timeout)
        if not flags and not props and self._max_payload >= RUN_LIMIT:
            run.key = topic.text
        self.tail = run
        idle = not self._queue
        self._queue.append(run)
        if idle:
            self._wake()
        return run

    def _may_wait_for_room(self, may_wait: Callable[[], bool]) -> bool:
        return self.connected and may_wait()

    def _close_tail(self) -> None:
        run = self.tail
        if run is self.nothing:
            return
        self.tail = self.nothing
        run.key = None
        run.first_seq = self._closed_seq + 1
        self._closed_seq += len(run.payloads)
        self._held += run.size

    def _low(self) -> int:
        return min(WAIT_ABOVE, self._limit) // 2

    def _trim(self) -> None:
        """Forgets what is written and waits for nothing, from the oldest on."""
        sent = self._sent
        written = self._written_offset
        while sent and not sent[0].waiting and sent[0].end_offset <= written:
            self._held -= sent.popleft().size
        if self._held <= self._low():
            self._room.notify_all()

    def _take_drains(self) -> List[Completion[None]]:
        if not self._drains or self._held + self.tail.size > self._low():
            return []
        drains, self._drains = self._drains, []
        return drains

    def _take_out_too_large(self) -> Tuple[List[Run], bool]:
        self._close_tail()
        dropped = [run for run in self._queue if not self._fits(run)]
        if not dropped:
            return [], False
        # Their events are counted no more, so those behind them move up.
        kept: List[Run] = []
        gone = 0
        renumbered = False
        for run in self._queue:
            if not self._fits(run):
                gone += len(run.payloads)
                self._held -= run.size
                renumbered = renumbered or run.number != 0
            else:
                run.first_seq -= gone
                kept.append(run)
        for run in kept if renumbered else ():
            run.number = 0
        self._queue = deque(kept)
        self._closed_seq -= gone
        self._confirmed_seq = min(self._confirmed_seq, self._closed_seq)
        self._flushes = [(min(seq, self._closed_seq), done) for seq, done in self._flushes]
        self.refused += gone
        if renumbered:
            self._next_number = 1
        return dropped, renumbered

    def _fits(self, run: Run) -> bool:
        longest = max(map(len, run.payloads))
        return longest <= self._max_payload and run.size + 3 + len(run.topic.utf8) <= self._max_frame

    def _check_size(self, topic: Topic, length: int, prop_bytes: int) -> None:
        frame = wire_out.PUBLISH_HEADER_BYTES + prop_bytes + 3 + len(topic.utf8) + 4 + length
        if length > self._max_payload or frame > self._max_frame:
            raise self._too_large(length)

    def _too_large(self, length: int) -> PublishError:
        return PublishError(
            f"The payload has {length} bytes; the daemon takes at most {self._max_payload}. Send less, or start nexusd "
            "with a larger --max-payload.",
            codes.PAYLOAD_TOO_LARGE,
        )

    def buffer_full(self, accepted: int = 0) -> BufferFullError:
        """The error for an event that was not taken."""
        if self.connected:
            hint = "publish slower, or 'await client.drain()' before you go on"
        else:
            hint = "the daemon is away: is nexusd running? wait_ready() says why it is not reached"
        return BufferFullError(
            f"The {self._limit} bytes of publish_buffer_bytes are full, so the event was not kept; {hint}.", accepted
        )

    # -- the I/O thread, without the lock ---------------------------------------------------------------------------

    def _encode(self, run: Run, parts: List[bytes]) -> int:
        topic = run.topic
        alias = topic.alias if topic.alias <= self._topics.max_aliases else 0
        size = 0
        if alias and topic.declared_in != self._connection:
            topic.declared_in = self._connection
            frame = wire_out.topic(alias, topic.utf8)
            parts.append(frame)
            size = len(frame)
        run.waiting = not run.outcome.done and has_handles(run)
        if run.waiting:
            self._acks.append(run)
        frame = run.encode(alias, run.waiting)
        parts.append(frame)
        run.number = self._next_number
        self._next_number += len(run.payloads)
        self._sent_seq = run.first_seq + len(run.payloads) - 1
        return size + len(frame)

    def _confirm(self, seq: int) -> None:
        with self.lock:
            self._confirmed_seq = max(self._confirmed_seq, seq)
            done = [flush for upto, flush in self._flushes if upto <= self._confirmed_seq]
            if done:
                self._flushes = [item for item in self._flushes if item[0] > self._confirmed_seq]
        for flush in done:
            flush.resolve(None)
