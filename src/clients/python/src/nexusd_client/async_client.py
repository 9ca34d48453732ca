"""The client for event loops."""

from __future__ import annotations

import asyncio
from typing import Any, Iterable, Mapping, Optional

from .base import BaseClient, Payload, checked_payloads
from .dispatch import read_json
from .errors import WaitTimeoutError
from .handle import PublishResult
from .message import Message
from .properties import HeaderValue
from .requests import FIRST_RETRY, RETRY_FOR, no_reply, no_responder, nobody_got, reply_topic_of


class AsyncNexusdClient(BaseClient):
    """The client whose waiting calls are coroutines.

    It may be made where no event loop runs, and be used in any. ``publish`` puts the event into the buffer when it is
    called; awaiting what it returns gives the acknowledgement.
    """

    async def publish_many(self, topic: str, payloads: Iterable[Payload], *, retain: bool = False) -> int:
        """Publishes many events of one topic, fire-and-forget; returns how many.

        Waits while the buffer is full and the daemon is there. Raises BufferFullError, whose ``accepted`` says how many
        were taken, and the other errors of ``publish``, before anything is taken.
        """
        rest = checked_payloads(payloads)
        total = 0
        while rest:
            taken = self._publish_many(topic, rest, retain)
            total += taken
            rest = rest[taken:]
            if rest:
                if not self._outbox.reachable:
                    raise self._outbox.buffer_full(total)
                await self._look_again()
        return total

    async def drain(self) -> None:
        """Returns when there is ample room in the publish buffer. Raises ClosedError."""
        self._session.start()
        while True:
            await self._look_again()
            if self._outbox.has_room():
                return

    async def _look_again(self) -> None:
        done = self._outbox.drain()
        await done.wait_async(None)
        done.get()

    async def wait_ready(self, timeout: float = 30.0) -> None:
        """Returns when connected, ``timeout`` seconds at most.

        Raises ConnectError with the reason, at once where waiting does not help; ClosedError.
        """
        done = self._session.ready()
        try:
            if not await done.wait_async(timeout):
                raise self._session.not_ready(timeout)
        finally:
            self._session.give_up(done)
        done.get()

    async def flush(self, timeout: Optional[float] = None) -> None:
        """Returns when the daemon has taken all that was published before. Raises WaitTimeoutError, ClosedError."""
        self._session.start()
        done = self._outbox.flush()
        if not await done.wait_async(timeout):
            raise WaitTimeoutError(
                f"The daemon did not take all events within {timeout or 0:g} s. "
                "wait_ready() says why it is not reached."
            )
        done.get()

    async def query(self, what: str, timeout: Optional[float] = 30.0) -> Any:
        """Status of the daemon: ``status``, ``peers``, ``topics``, ``clients`` or ``retained``.

        Returns the parsed JSON. Raises QueryError, WaitTimeoutError, ClosedError.
        """
        request, answer = self._session.query(what)
        try:
            if not await answer.wait_async(timeout):
                raise WaitTimeoutError(f"The daemon did not answer the query '{what}' within {timeout or 0:g} s.")
            return read_json(answer.get())
        finally:
            self._session.drop_query(request)

    async def request(
        self,
        topic: str,
        payload: Payload,
        timeout: float = 5.0,
        *,
        content_type: Optional[str] = None,
        headers: Optional[Mapping[str, HeaderValue]] = None,
    ) -> Message:
        """Publishes a request and returns the reply, after ``timeout`` seconds at most.

        Raises NoResponderError at once when nobody could get it; WaitTimeoutError, PublishError, ClosedError.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout
        opened = self._inbox.open()
        if not await opened.wait_async(timeout):
            raise no_reply(topic, timeout)
        opened.get()
        call = self._inbox.begin()
        try:
            handle = self.publish(
                topic, payload, content_type=content_type, headers=headers, correlation_id=call.correlation_id,
                reply_topic=call.reply_topic,
            )
            if nobody_got(await handle.result_async(max(0.0, until - loop.time()))):
                raise no_responder(topic)
            if not await call.reply.wait_async(max(0.0, until - loop.time())):
                raise no_reply(topic, timeout)
            return call.reply.get()
        finally:
            self._inbox.end(call)

    async def reply(
        self,
        message: Message,
        payload: Payload,
        *,
        content_type: Optional[str] = None,
        headers: Optional[Mapping[str, HeaderValue]] = None,
    ) -> PublishResult:
        """Answers a request; returns when the daemon has the reply.

        Raises ArgumentError for a message that expects no reply, and the errors of ``publish``.
        """
        topic = reply_topic_of(message)
        wait = FIRST_RETRY
        loop = asyncio.get_running_loop()
        until = loop.time() + RETRY_FOR
        while True:
            result = await self.publish(
                topic, payload, content_type=content_type, headers=headers, correlation_id=message.correlation_id
            )
            # Interest in the replies may reach this node a moment later than the request.
            if not nobody_got(result) or loop.time() + wait > until:
                return result
            await asyncio.sleep(wait)
            wait *= 2

    async def close(self, timeout: Optional[float] = None) -> None:
        """Sends what is buffered (``timeout`` or ``close_timeout`` seconds at most) and ends. Twice is harmless."""
        await self._session.close(timeout).wait_async(None)

    async def __aenter__(self) -> "AsyncNexusdClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
