"""Things to wait for, in threads as well as in event loops."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Callable, Generator, Generic, List, NamedTuple, Optional, TypeVar

from .errors import NexusdError, PublishError, WaitTimeoutError

T = TypeVar("T")

# Guards the moment in which an outcome and those who wait for it meet. One for all: it is held for a few instructions.
_gate = threading.Lock()


def forget_waits_in_child() -> None:
    """After a fork: the thread that held the gate, if one did, does not exist in this process."""
    global _gate
    _gate = threading.Lock()


class PublishResult(NamedTuple):
    """What the daemon says about an event that it accepted.

    ``local`` subscriptions of this daemon and ``peers`` (links to other nodes) have it in their queues; ``number`` is
    the number of the event among all of this client. It does not say that a subscriber has handled it.
    """

    local: int
    peers: int
    number: int


class Completion(Generic[T]):
    """An outcome that comes later, once. Any number of threads and event loops may wait for it."""

    __slots__ = ("_done", "_value", "_error", "_callbacks")

    def __init__(self) -> None:
        self._done = False
        self._value: Optional[T] = None
        self._error: Optional[BaseException] = None
        self._callbacks: Optional[List[Callable[[], None]]] = None

    @property
    def done(self) -> bool:
        """Whether the outcome is there."""
        return self._done

    @property
    def error(self) -> Optional[BaseException]:
        """How it failed, if it did."""
        return self._error

    def resolve(self, value: T) -> bool:
        """Succeeds; False: there was an outcome already."""
        return self._finish(value, None)

    def fail(self, error: BaseException) -> bool:
        """Fails; False: there was an outcome already."""
        return self._finish(None, error)

    def get(self) -> T:
        """The outcome, which must be there."""
        if self._error is not None:
            raise fresh(self._error)
        return self._value  # type: ignore[return-value]

    def when_done(self, callback: Callable[[], None]) -> None:
        """Calls once the outcome is there, in whatever thread that is; at once if it is there already."""
        with _gate:
            if not self._done:
                if self._callbacks is None:
                    self._callbacks = []
                self._callbacks.append(callback)
                return
        callback()

    def wait(self, timeout: Optional[float]) -> bool:
        """Blocks until the outcome is there; False: it took longer than ``timeout`` seconds."""
        if self._done:
            return True
        event = threading.Event()
        self.when_done(event.set)
        try:
            return event.wait(timeout)
        finally:
            self._forget(event.set)

    def wait_in_loop(self, timeout: Optional[float]) -> Generator[Any, None, bool]:
        """The same for ``yield from`` in a coroutine."""
        if self._done:
            return True
        loop = asyncio.get_running_loop()
        future: "asyncio.Future[bool]" = loop.create_future()

        def tell() -> None:
            call_in_loop(loop, settle, future, True)

        self.when_done(tell)
        timer = None if timeout is None else loop.call_later(timeout, settle, future, False)
        try:
            return (yield from future.__await__())
        finally:
            if timer is not None:
                timer.cancel()
            self._forget(tell)

    async def wait_async(self, timeout: Optional[float]) -> bool:
        """The same as a coroutine."""
        return await _Awaiting(self.wait_in_loop(timeout))

    def _finish(self, value: Optional[T], error: Optional[BaseException]) -> bool:
        with _gate:
            if self._done:
                return False
            self._value = value
            self._error = error
            self._done = True
            callbacks = self._callbacks
            self._callbacks = None
        for callback in callbacks or ():
            callback()
        return True

    def _forget(self, callback: Callable[[], None]) -> None:
        with _gate:
            if self._callbacks is not None and callback in self._callbacks:
                self._callbacks.remove(callback)


class _Awaiting:
    __slots__ = ("_steps",)

    def __init__(self, steps: Generator[Any, None, bool]) -> None:
        self._steps = steps

    def __await__(self) -> Generator[Any, None, bool]:
        return self._steps


def fresh(error: BaseException) -> BaseException:
    """A copy of an error of ours, so that one raised twice does not collect the tracebacks of both."""
    if not isinstance(error, NexusdError):
        return error
    copy = type(error).__new__(type(error))
    copy.args = error.args
    copy.__dict__.update(error.__dict__)
    copy.__cause__ = error.__cause__
    return copy


def settle(future: "asyncio.Future[bool]", value: bool) -> None:
    """Sets a future of this loop unless it is done, as when its task was cancelled."""
    if not future.done():
        future.set_result(value)


def call_in_loop(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *arguments: Any) -> None:
    """Calls in the thread of a loop; a loop that was closed meanwhile has nobody who waits."""
    try:
        loop.call_soon_threadsafe(call, *arguments)
    except RuntimeError:
        pass


class RunOutcome(NamedTuple):
    """The acknowledgement of a run of events."""

    number: int
    local: int
    peers: int


class PublishHandle:
    """What :meth:`publish` gives at once. Await it, or call :meth:`result`, for the daemon's acknowledgement.

    The acknowledgement is asked for with those events whose handle is still referenced when they are sent, for nobody
    else can come back to it. So dropping the handle is fire-and-forget, and awaiting it later always works.
    """

    __slots__ = ("_outcome", "_index", "_timeout")

    def __init__(self, outcome: "RunCompletion", index: int) -> None:
        self._outcome = outcome
        self._index = index

    def done(self) -> bool:
        """Whether the acknowledgement (or a refusal) is there."""
        return self._outcome.done

    def result(self, timeout: Optional[float] = None) -> PublishResult:
        """Blocks until the daemon has acknowledged the event.

        ``timeout`` in seconds; without one the client's ``acknowledge_timeout`` counts. Raises PublishError when the
        daemon refuses the event, WaitTimeoutError, ClosedError. In a coroutine await the handle instead.
        """
        outcome = self._outcome
        limit = outcome.timeout if timeout is None else timeout
        if not outcome.wait(limit):
            raise _overdue(limit)
        return self._result()

    async def result_async(self, timeout: Optional[float] = None) -> PublishResult:
        """The same for a coroutine that wants another time-out than the client's."""
        limit = self._outcome.timeout if timeout is None else timeout
        if not await self._outcome.wait_async(limit):
            raise _overdue(limit)
        return self._result()

    def __await__(self) -> Generator[Any, None, PublishResult]:
        outcome = self._outcome
        if not (yield from outcome.wait_in_loop(outcome.timeout)):
            raise _overdue(outcome.timeout)
        return self._result()

    def _result(self) -> PublishResult:
        run = self._outcome.get()
        return PublishResult(run.local, run.peers, run.number + self._index)


class RunCompletion(Completion[RunOutcome]):
    """The acknowledgement of a run, shared by the handles of its events."""

    __slots__ = ("timeout",)

    def __init__(self, timeout: float) -> None:
        super().__init__()
        self.timeout = timeout


def _overdue(limit: Optional[float]) -> WaitTimeoutError:
    return WaitTimeoutError(
        f"The daemon did not acknowledge the event within {limit:g} s; it may still be delivered. "
        "Is nexusd running, or overloaded? wait_ready() says why it is not reached."
    )


def refused(code: int, name: str) -> PublishError:
    """The error for an ACK with an error code."""
    texts = {
        4: "The daemon refused the payload as too large: send less, or raise its --max-payload.",
        6: "The daemon refused the topic: docs/protocol/topics.md says what a name may hold.",
        15: "The daemon does not let this client publish to the topic: ask for the right, or change the topic.",
        19: "The daemon is leaving and took no more events: publish again when it is back.",
    }
    return PublishError(texts.get(code, f"The daemon refused the event: {name}."), code)
