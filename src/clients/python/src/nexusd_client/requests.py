"""Requests and their replies: one subscription for the replies to all requests of a client."""

from __future__ import annotations

import itertools
import secrets
import threading
from typing import TYPE_CHECKING, Dict, Optional

from .channel import HandlerChannel
from .errors import ArgumentError, ClosedError, NexusdError, NoResponderError, WaitTimeoutError
from .handle import Completion, PublishResult
from .message import Message, ReceivedRun
from .options import SubscribeOptions

if TYPE_CHECKING:
    from .session import Session

# A reply is published again after so many seconds, then twice as many and so on, while nobody gets it.
FIRST_RETRY = 0.005
RETRY_FOR = 1.0


class Call:
    """A request that waits for its reply."""

    __slots__ = ("reply_topic", "correlation_id", "reply")

    def __init__(self, reply_topic: str, correlation_id: bytes) -> None:
        self.reply_topic = reply_topic
        self.correlation_id = correlation_id
        self.reply: Completion[Message] = Completion()


class Inbox:
    """Where the replies come in."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._prefix = f"$reply/{secrets.token_hex(8)}/"
        self._counter = itertools.count(1)
        self._calls: Dict[str, Call] = {}
        self._gate = threading.Lock()
        self._channel: Optional[HandlerChannel] = None

    def open(self) -> Completion[None]:
        """Done when replies can come in."""
        with self._gate:
            channel = self._channel
            if channel is None or channel.ended:
                options = SubscribeOptions(receive_retained=False)
                channel = _InboxChannel(self, [self._prefix + "*"], options, self._session.grant, self._on_run)
                self._session.open(channel)
                self._channel = channel
            return channel.ready

    def begin(self) -> Call:
        """A new call; give it back with :meth:`end`."""
        topic = self._prefix + str(next(self._counter))
        call = Call(topic, topic.encode("ascii"))
        self._calls[topic] = call
        return call

    def end(self, call: Call) -> None:
        """Nobody waits for the reply any more."""
        self._calls.pop(call.reply_topic, None)

    def fail(self, error: NexusdError) -> None:
        """No reply can come any more."""
        for call in list(self._calls.values()):
            call.reply.fail(error)

    def _on_run(self, run: ReceivedRun) -> None:
        call = self._calls.get(run.topic)
        if call is not None:
            call.reply.resolve(run.messages()[0])


class _InboxChannel(HandlerChannel):
    def __init__(self, inbox: Inbox, *arguments: "object") -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._inbox = inbox

    def end(self, error: Optional[NexusdError]) -> None:
        super().end(error)
        self._inbox.fail(error or ClosedError("The client was closed before the reply came."))


def no_responder(topic: str) -> NoResponderError:
    """The error for a request that nobody could get."""
    return NoResponderError(
        f"Nobody subscribes to '{topic}', here or on another node, so no reply can come. Is the responder running?"
    )


def no_reply(topic: str, timeout: float) -> WaitTimeoutError:
    """The error for a reply that did not come."""
    return WaitTimeoutError(f"No reply to the request to '{topic}' came within {timeout:g} s.")


def reply_topic_of(message: Message) -> str:
    """Where a reply to the message goes. Raises ArgumentError where none is expected."""
    topic = message.reply_topic
    if topic is None:
        raise ArgumentError(
            f"The message of topic '{message.topic}' has no reply topic: its publisher expects no reply. "
            "Requests are made with request()."
        )
    return topic


def nobody_got(result: PublishResult) -> bool:
    """Whether an event went to no subscription and no peer."""
    return result.local == 0 and result.peers == 0
