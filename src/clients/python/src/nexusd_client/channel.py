"""Open subscriptions on their way from the daemon to the application. They outlive connections."""

from __future__ import annotations

import threading
from collections import deque
from typing import Callable, Deque, List, Optional, Sequence

from . import codes, topics, wire_out
from .errors import ArgumentError, ClosedError, NexusdError, SubscribeError
from .handle import Completion
from .keep import Confirming, Kept
from .message import ReceivedRun
from .options import SubscribeOptions
from .resume import ReceivedNumbers
from .wire_in import RETAINED, Deliver, Subscribed

Grant = Callable[["Channel", int, int], None]


class Channel:
    """One subscription. What waits here is bounded by the credit that the daemon was given: bytes become credit again
    when the application has taken them, so a slow reader holds up nobody else.

    The I/O thread delivers; any thread takes.
    """

    def __init__(self, filters: Sequence[str], options: SubscribeOptions, grant: Grant) -> None:
        self.filters = expand_filters(filters, options)
        self.options = options
        self.id = 0
        self.ready: Completion[None] = Completion()
        self.error: Optional[NexusdError] = None
        self.ended = False
        # The application left; the I/O thread does the rest.
        self.left = False
        self._encoded = [f.encode("utf-8") for f in self.filters]
        self._numbers = ReceivedNumbers()
        self._grant = grant
        self._lock = threading.Lock()
        self._runs: Deque[ReceivedRun] = deque()
        self._arrivals: List[Completion[None]] = []
        self.kept = Kept(options) if options.keep_for is not None else None
        self._confirming = Confirming()
        self._held = 0
        self._to_grant = 0
        # Counts the connections in which the subscription was opened: credit belongs to one of them.
        self.epoch = 0

    # -- the I/O thread ---------------------------------------------------------------------------------------------

    def subscribe_frame(self) -> bytes:
        """SUBSCRIBE for a new connection."""
        options = self.options
        resume: Optional[bytes] = None
        if not self.ready.done:
            self._numbers.begin()
        elif options.resume:
            resume = self._numbers.encode()
        kept = self.kept
        with self._lock:
            self.epoch += 1
            self._to_grant = 0
            if kept is None:
                credit = max(1, options.receive_buffer_bytes - self._held)
            else:
                # What waits here of connections before was confirmed by its place in the stream.
                credit = options.receive_buffer_bytes
                self._confirming.begin(self._runs)
        head = (
            self.id, self._encoded, credit, options.queue_events, options.queue_bytes, not options.receive_retained,
            options.overflow, options.block_timeout_ms, options.strategy, resume,
        )
        if kept is None:
            return wire_out.subscribe(*head)
        frame = wire_out.subscribe(*head, kept.milliseconds, kept.token, kept.position)
        left = kept.milliseconds_left()
        return frame + wire_out.pause(self.id, left) if left else frame

    def confirm(self, answer: Subscribed) -> bool:
        """The daemon has opened it. False: it is not the kept one that was asked for."""
        as_asked = self.kept is None or self.kept.confirm(answer)
        self.ready.resolve(None)
        return as_asked

    def note_gap(self) -> None:
        """A GAP frame came."""
        if self.kept is not None:
            self.kept.gaps += 1

    @property
    def is_paused(self) -> bool:
        """Whether the application asked it to wait."""
        return self.kept is not None and self.kept.is_paused

    def begin_pause(self, milliseconds: int, done: Completion[None], is_sent: bool) -> bytes:
        """Asks for a pause, or with 0 for its end; ``done`` comes with the answer. Returns the frame."""
        assert self.kept is not None
        self.kept.begin_pause(milliseconds, done, is_sent)
        return wire_out.pause(self.id, milliseconds)

    def paused(self, refusal: Optional[NexusdError]) -> None:
        """The daemon answered a PAUSE."""
        if self.kept is not None:
            self.kept.paused(refusal)

    def deliver(self, topic: str, deliver: Deliver, frame_bytes: int) -> None:
        """Takes a run."""
        if self.kept is not None:
            self.kept.runs += 1
        if self.options.resume and not deliver.flags & RETAINED:
            self._numbers.note(
                deliver.publisher, deliver.properties.priority, deliver.number + deliver.count - 1, deliver.timestamp
            )
        run = ReceivedRun(topic, deliver, frame_bytes)
        with self._lock:
            if self.ended or self.left:
                return
            self._held += frame_bytes
            self._runs.append(run)

    def end_of_read(self) -> None:
        """All that was read at once has been delivered: wakes who waits for it."""
        if not self._arrivals:
            return
        with self._lock:
            arrivals, self._arrivals = self._arrivals, []
        for arrival in arrivals:
            arrival.resolve(None)

    def end(self, error: Optional[NexusdError]) -> None:
        """Nothing follows. What waits here can still be taken, unless the application itself left."""
        with self._lock:
            if self.ended:
                return
            self.ended = True
            self.error = error
        self.ready.fail(error or ClosedError("The subscription was closed before the daemon had confirmed it."))
        if self.kept is not None:
            self.kept.end_waits(error or ClosedError("The subscription was closed before the daemon had answered."))
        self.end_of_read()

    # -- any thread -------------------------------------------------------------------------------------------------

    def take(self) -> Optional[ReceivedRun]:
        """The oldest run that waits; None: nothing does. Give it back with :meth:`release`."""
        if self.kept is not None:
            return self._take_kept()
        try:
            return self._runs.popleft()
        except IndexError:
            return None

    def _take_kept(self) -> Optional[ReceivedRun]:
        with self._lock:
            if not self._runs:
                return None
            run = self._runs.popleft()
            self._confirming.take(run)
            return run

    def take_all(self) -> List[ReceivedRun]:
        """Every run that waits."""
        runs = []
        while True:
            run = self.take()
            if run is None:
                return runs
            runs.append(run)

    def release(self, *runs: ReceivedRun) -> None:
        """The application is done with these runs: gives credit for them, in portions."""
        with self._lock:
            if self.kept is None:
                frame_bytes = sum([run.frame_bytes for run in runs])
                self._held -= frame_bytes
            else:
                frame_bytes = self._confirming.release(runs)
            self._to_grant += frame_bytes
            if self._to_grant < self.options.receive_buffer_bytes // 8 or self.over:
                return
            amount, self._to_grant = self._to_grant, 0
            epoch = self.epoch
        self._grant(self, amount, epoch)

    def settle(self) -> None:
        """Of a kept subscription: confirms all that was taken, for its reader is about to wait or stop."""
        if self.kept is None:
            return
        with self._lock:
            amount, self._to_grant = self._to_grant, 0
            epoch = self.epoch
        if amount and not self.over:
            self._grant(self, amount, epoch)

    def arrival(self) -> Optional[Completion[None]]:
        """Something to wait for until a run is there or the end; None: do not wait, look again."""
        done: Completion[None] = Completion()
        with self._lock:
            if self._runs or self.over:
                return None
            self._arrivals.append(done)
        self.settle()
        return done

    def forget(self, arrival: Completion[None]) -> None:
        """The wait was given up."""
        with self._lock:
            if arrival in self._arrivals:
                self._arrivals.remove(arrival)

    def forget_in_child(self, error: NexusdError) -> None:
        """This process is a fork of the one that reads: ends here, whatever the threads of that one were doing."""
        self._lock = threading.Lock()
        self._arrivals = []
        self.error = error
        self.ended = True
        self._runs.clear()

    @property
    def over(self) -> bool:
        """Whether nothing follows."""
        return self.ended or self.left

    def discard(self) -> None:
        """The application left: what waits here is thrown away. Takes no lock."""
        self.left = True
        self._runs.clear()


class HandlerChannel(Channel):
    """A subscription whose runs go to a function of this package, in the I/O thread."""

    def __init__(
        self, filters: Sequence[str], options: SubscribeOptions, grant: Grant, handler: Callable[[ReceivedRun], None]
    ) -> None:
        super().__init__(filters, options, grant)
        self._handler = handler

    def deliver(self, topic: str, deliver: Deliver, frame_bytes: int) -> None:
        super().deliver(topic, deliver, frame_bytes)
        for run in self.take_all():
            self._handler(run)
            self.release(run)


def expand_filters(filters: Sequence[str], options: SubscribeOptions) -> List[str]:
    """The filters as the daemon gets them. Raises SubscribeError where one is bad."""
    if isinstance(filters, (str, bytes)) or not isinstance(filters, Sequence):
        raise ArgumentError(f"The filters are {filters!r}; give a list of texts such as ['orders/#'].")
    if not 1 <= len(filters) <= wire_out.MAX_FILTERS:
        raise SubscribeError(
            f"A subscription has 1 to {wire_out.MAX_FILTERS} filters, not {len(filters)}.", codes.OVER_LIMIT
        )
    result = []
    for given in filters:
        if not isinstance(given, str):
            raise ArgumentError(f"The filter is {given!r}; give a text such as 'orders/#'.")
        full = given if options.group is None else f"$share/{options.group}/{given}"
        utf8 = topics.encode(full)
        reason = "invalid_utf8" if utf8 is None else topics.check_any_filter(utf8)
        if reason is not None:
            raise SubscribeError(f"Cannot subscribe to '{given}': {topics.describe(reason)}", codes.BAD_FILTER)
        result.append(full)
    shared = sum(f.startswith(topics.SHARE) for f in result)
    if shared not in (0, len(result)):
        raise SubscribeError(
            "A subscription has filters of groups ('$share/...') or plain ones, not both: make two subscriptions.",
            codes.BAD_FILTER,
        )
    return result
