"""The application's side of a subscription."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Any, AsyncIterator, Deque, Generator, Iterator, List, Optional, Tuple

from .channel import Channel
from .errors import ArgumentError, ClosedError, WaitTimeoutError
from .handle import Completion, fresh
from .message import Message, MessageBatch, ReceivedRun
from .options import MAX_PAUSE, check_seconds

if TYPE_CHECKING:
    from .session import Session

# An async reader that always finds something lets the other tasks of its loop run after so many events.
_EVENTS_IN_A_ROW = 256


class Confirmation:
    """What the daemon says to a subscription, or to its pause: await it, or call :meth:`result`."""

    __slots__ = ("_done", "_what")

    def __init__(self, done: Completion[None], what: str) -> None:
        self._done = done
        self._what = what

    def done(self) -> bool:
        """Whether the answer is there."""
        return self._done.done

    def result(self, timeout: Optional[float] = None) -> None:
        """Blocks until it is confirmed, ``timeout`` seconds at most.

        Raises SubscribeError when the daemon refuses, WaitTimeoutError, ClosedError.
        """
        if not self._done.wait(timeout):
            raise WaitTimeoutError(
                f"The daemon did not confirm the {self._what} within {timeout:g} s. wait_ready() of the client says "
                "why it is not reached."
            )
        self._done.get()

    def __await__(self) -> Generator[Any, None, None]:
        yield from self._done.wait_in_loop(None)
        self._done.get()


class Subscription:
    """Events that match the filters of a ``subscribe`` call.

    ``for message in subscription`` in a thread, ``async for`` in any event loop. Leaving the loop ends the
    subscription. Threads and tasks that read the same subscription share its events.
    """

    def __init__(self, owner: object, channel: Channel, session: "Session") -> None:
        # Keeps the client alive while somebody reads.
        self._owner = owner
        self._channel = channel
        self._session = session
        self._pending: Deque[Message] = deque()
        # The runs that pending messages are of: given back when the last one was taken and the next is asked for.
        self._in_hand: Deque[ReceivedRun] = deque()

    @property
    def filters(self) -> List[str]:
        """The filters as the daemon got them."""
        return list(self._channel.filters)

    @property
    def ready(self) -> Confirmation:
        """Whether the daemon has confirmed: what is published afterwards will come."""
        return Confirmation(self._channel.ready, "subscription")

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._channel.over

    @property
    def resume_token(self) -> Optional[str]:
        """Names a kept subscription, for another process to go on with it; a secret. None until the daemon has
        confirmed it, and where it is not kept."""
        kept = self._channel.kept
        return None if kept is None else kept.name

    def pause(self, limit: float) -> Confirmation:
        """Lets a kept subscription wait, ``limit`` seconds at most: events queue at the daemon. Await what it returns,
        or call its ``result``: then nothing more comes until :meth:`resume`. What had come can still be read.

        Leaving a paused subscription, or closing its client, does not end it: another process may go on with it by its
        ``resume_token``. When the limit is over (this one, or the daemon's) it ends, with SubscribeError. Raises
        ArgumentError where ``keep_for`` was not given; the answer is SubscribeError where the daemon keeps nothing.
        """
        check_seconds("limit", limit, most=MAX_PAUSE)
        return self._pause(int(limit * 1000))

    def resume(self) -> Confirmation:
        """Lets a paused subscription go on, when this was awaited or its ``result`` called; what waited comes first.

        The answer is SubscribeError where it had ended, since the pause was too long.
        """
        return self._pause(0)

    def _pause(self, milliseconds: int) -> Confirmation:
        if self._channel.kept is None:
            raise ArgumentError("Only a subscription that is kept can wait: give subscribe() the option keep_for.")
        if not self._pending:
            self._release_in_hand()
        self._channel.settle()
        return Confirmation(self._session.pause(self._channel, milliseconds), "pause")

    def __iter__(self) -> Iterator[Message]:
        channel = self._channel
        try:
            while True:
                while self._pending:
                    yield self._pending.popleft()
                self._release_in_hand()
                run, ended = self._take()
                if run is not None:
                    yield from run.messages()
                    channel.release(run)
                elif ended:
                    return
                else:
                    self._wait(None)
        finally:
            self.close()

    def __aiter__(self) -> AsyncIterator[Message]:
        return self._read_async()

    async def _read_async(self) -> AsyncIterator[Message]:
        channel = self._channel
        in_a_row = 0
        try:
            while True:
                while self._pending:
                    yield self._pending.popleft()
                self._release_in_hand()
                run, ended = self._take()
                if run is not None:
                    for message in run.messages():
                        yield message
                    channel.release(run)
                    in_a_row += run.count
                    if in_a_row >= _EVENTS_IN_A_ROW:
                        in_a_row = 0
                        await asyncio.sleep(0)
                elif ended:
                    return
                else:
                    in_a_row = 0
                    await self._wait_async(None)
        finally:
            self.close()

    def batches(self) -> "Batches":
        """The events in batches of whatever has come meanwhile: the fastest way to read.

        ``for batch in subscription.batches()`` or ``async for``. A batch is a sequence of messages; ``payloads()`` of
        it gives the payloads alone.
        """
        return Batches(self)

    def get(self, timeout: Optional[float] = None) -> Message:
        """The next message; blocks ``timeout`` seconds at most. The subscription goes on afterwards.

        Raises WaitTimeoutError, ClosedError at the end.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            message = self._next()
            if message is not None:
                return message
            left = None if until is None else max(0.0, until - time.monotonic())
            if not self._wait(left):
                raise _nothing_came(timeout)

    async def get_async(self, timeout: Optional[float] = None) -> Message:
        """The same in a coroutine."""
        loop = asyncio.get_running_loop()
        until = None if timeout is None else loop.time() + timeout
        while True:
            message = self._next()
            if message is not None:
                return message
            left = None if until is None else max(0.0, until - loop.time())
            if not await self._wait_async(left):
                raise _nothing_came(timeout)

    def close(self) -> None:
        """Ends the subscription; what has come and was not read is thrown away. Closing twice is harmless."""
        # The collector may close a reader that was dropped, at any place of any thread: so this takes no lock.
        channel = self._channel
        over = channel.over
        channel.discard()
        self._pending.clear()
        if not over:
            self._session.leave(channel)

    def __enter__(self) -> "Subscription":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> "Subscription":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_pending"):
            self.close()

    def _take(self) -> Tuple[Optional[ReceivedRun], bool]:
        ended = self._channel.over
        run = self._channel.take()
        if run is None and ended and self._channel.error is not None:
            raise fresh(self._channel.error)
        return run, ended

    def _next(self) -> Optional[Message]:
        try:
            return self._pending.popleft()
        except IndexError:
            self._release_in_hand()
        run, ended = self._take()
        if run is None:
            if ended:
                raise ClosedError("The subscription has ended: subscribe again for more events.")
            return None
        messages = run.messages()
        self._pending.extend(messages[1:])
        self._in_hand.append(run)
        return messages[0]

    def _release_in_hand(self) -> None:
        # Other threads may be here at the same time, so each run is taken out before it is given back.
        while self._in_hand:
            try:
                run = self._in_hand.popleft()
            except IndexError:
                return
            self._channel.release(run)

    def _take_all(self) -> Tuple[List[ReceivedRun], bool]:
        self._release_in_hand()
        run, ended = self._take()
        if run is None:
            return [], ended
        return [run, *self._channel.take_all()], False

    def _wait(self, timeout: Optional[float]) -> bool:
        arrival = self._channel.arrival()
        if arrival is None:
            return True
        try:
            return arrival.wait(timeout)
        finally:
            if not arrival.done:
                self._channel.forget(arrival)

    async def _wait_async(self, timeout: Optional[float]) -> bool:
        arrival = self._channel.arrival()
        if arrival is None:
            return True
        try:
            return await arrival.wait_async(timeout)
        finally:
            if not arrival.done:
                self._channel.forget(arrival)


class Batches:
    """What :meth:`Subscription.batches` gives: iterate it, with ``for`` or ``async for``."""

    __slots__ = ("_subscription",)

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription

    def __iter__(self) -> Iterator[MessageBatch]:
        reader = self._subscription
        try:
            while True:
                runs, ended = reader._take_all()
                if runs:
                    yield MessageBatch(runs)
                    reader._channel.release(*runs)
                elif ended:
                    return
                else:
                    reader._wait(None)
        finally:
            reader.close()

    def __aiter__(self) -> AsyncIterator[MessageBatch]:
        return self._read_async()

    async def _read_async(self) -> AsyncIterator[MessageBatch]:
        reader = self._subscription
        try:
            while True:
                runs, ended = reader._take_all()
                if runs:
                    yield MessageBatch(runs)
                    reader._channel.release(*runs)
                    await asyncio.sleep(0)
                elif ended:
                    return
                else:
                    await reader._wait_async(None)
        finally:
            reader.close()


def _nothing_came(timeout: Optional[float]) -> WaitTimeoutError:
    return WaitTimeoutError(f"No message came within {timeout or 0:g} s; wait longer, or look at the filters.")
