"""The client for threads."""

from __future__ import annotations

import time
from typing import Any, Iterable, Mapping, Optional

from .base import BaseClient, Payload, checked_payloads
from .dispatch import read_json
from .errors import WaitTimeoutError
from .handle import PublishResult
from .message import Message
from .properties import HeaderValue
from .requests import FIRST_RETRY, RETRY_FOR, no_reply, no_responder, nobody_got, reply_topic_of

# How long close() waits for the thread beyond what it may need: a name server may hold it.
_JOIN_SECONDS = 2.0


class NexusdClient(BaseClient):
    """The client whose calls wait in the calling thread.

    ``publish`` and ``subscribe`` do not wait, so they can be used in coroutines as well; the other calls block.
    """

    def publish_many(self, topic: str, payloads: Iterable[Payload], *, retain: bool = False) -> int:
        """Publishes many events of one topic, fire-and-forget; returns how many.

        Waits as ``publish`` does. Raises BufferFullError, whose ``accepted`` says how many were taken, and the other
        errors of ``publish``, before anything is taken.
        """
        found = checked_payloads(payloads)
        if not found:
            return 0
        taken = self._publish_many(topic, found, retain)
        if taken < len(found):
            raise self._outbox.buffer_full(taken)
        return taken

    def wait_ready(self, timeout: float = 30.0) -> None:
        """Blocks until connected, ``timeout`` seconds at most.

        Raises ConnectError with the reason, at once where waiting does not help; ClosedError.
        """
        done = self._session.ready()
        if not done.wait(timeout):
            self._session.give_up(done)
            raise self._session.not_ready(timeout)
        done.get()

    def flush(self, timeout: Optional[float] = None) -> None:
        """Blocks until the daemon has taken all that was published before. Raises WaitTimeoutError, ClosedError."""
        self._session.start()
        done = self._outbox.flush()
        if not done.wait(timeout):
            raise WaitTimeoutError(
                f"The daemon did not take all events within {timeout or 0:g} s. "
                "wait_ready() says why it is not reached."
            )
        done.get()

    def query(self, what: str, timeout: Optional[float] = 30.0) -> Any:
        """Status of the daemon: ``status``, ``peers``, ``topics``, ``clients`` or ``retained``.

        Returns the parsed JSON. Raises QueryError, WaitTimeoutError, ClosedError.
        """
        request, answer = self._session.query(what)
        try:
            if not answer.wait(timeout):
                raise WaitTimeoutError(f"The daemon did not answer the query '{what}' within {timeout or 0:g} s.")
            return read_json(answer.get())
        finally:
            self._session.drop_query(request)

    def request(
        self,
        topic: str,
        payload: Payload,
        timeout: float = 5.0,
        *,
        content_type: Optional[str] = None,
        headers: Optional[Mapping[str, HeaderValue]] = None,
    ) -> Message:
        """Publishes a request and blocks until the reply is there, ``timeout`` seconds at most.

        Raises NoResponderError at once when nobody could get it; WaitTimeoutError, PublishError, ClosedError.
        """
        until = time.monotonic() + timeout
        opened = self._inbox.open()
        if not opened.wait(timeout):
            raise no_reply(topic, timeout)
        opened.get()
        call = self._inbox.begin()
        try:
            result = self.publish(
                topic, payload, content_type=content_type, headers=headers, correlation_id=call.correlation_id,
                reply_topic=call.reply_topic,
            ).result(max(0.0, until - time.monotonic()))
            if nobody_got(result):
                raise no_responder(topic)
            if not call.reply.wait(max(0.0, until - time.monotonic())):
                raise no_reply(topic, timeout)
            return call.reply.get()
        finally:
            self._inbox.end(call)

    def reply(
        self,
        message: Message,
        payload: Payload,
        *,
        content_type: Optional[str] = None,
        headers: Optional[Mapping[str, HeaderValue]] = None,
    ) -> PublishResult:
        """Answers a request; blocks until the daemon has the reply.

        Raises ArgumentError for a message that expects no reply, and the errors of ``publish``.
        """
        topic = reply_topic_of(message)
        wait = FIRST_RETRY
        until = time.monotonic() + RETRY_FOR
        while True:
            result = self.publish(
                topic, payload, content_type=content_type, headers=headers, correlation_id=message.correlation_id
            ).result()
            # Interest in the replies may reach this node a moment later than the request.
            if not nobody_got(result) or time.monotonic() + wait > until:
                return result
            time.sleep(wait)
            wait *= 2

    def close(self, timeout: Optional[float] = None) -> None:
        """Sends what is buffered (``timeout`` or ``close_timeout`` seconds at most) and ends. Twice is harmless."""
        done = self._session.close(timeout)
        if self._session.is_own_thread():
            return
        limit = self._session.options.close_timeout if timeout is None else timeout
        if done.wait(limit + _JOIN_SECONDS):
            self._session.join()

    def __enter__(self) -> "NexusdClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def aclose(self, timeout: Optional[float] = None) -> None:
        """``close`` for a coroutine."""
        await self._session.close(timeout).wait_async(None)

    async def __aenter__(self) -> "NexusdClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
