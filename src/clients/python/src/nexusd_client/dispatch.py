"""What the daemon sends on one connection, given to whom it concerns. All of it in the I/O thread."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Dict, List, Optional, Tuple

from . import codes, properties, wire_in, wire_out
from .channel import Channel
from .errors import ConnectError, QueryError, SubscribeError
from .handshake import ended_by_daemon
from .options import Gap, Notice, PublishLoss
from .properties import Malformed
from .stream import Stream

if TYPE_CHECKING:
    from .session import Session

Ended = Optional[Tuple[ConnectError, bool]]

_CONFLATED = 8
_KEPT_NO_LONGER = "The daemon no longer had the kept subscription; it is a new one, and what waited is lost."


class Dispatch:
    """The reading side of a connection: aliases of its topics, and a method for each kind of frame."""

    def __init__(self, session: "Session", welcome: wire_in.Welcome) -> None:
        self._session = session
        self._outbox = session.outbox
        self._aliases: Dict[int, str] = {}
        self._properties: Dict[bytes, properties.EventProperties] = {}
        self._touched: List[Channel] = []
        self._node = welcome.node_name

    def take(self, stream: Stream) -> Ended:
        """Takes the frames that were read. Raises Malformed where the daemon breaks the protocol."""
        ended: Ended = None
        try:
            for frame in stream.frames():
                if frame[4] == wire_in.DELIVER:
                    self._deliver(frame)
                else:
                    ended = self._other(frame)
                    if ended is not None:
                        break
        finally:
            for channel in self._touched:
                channel.end_of_read()
            self._touched.clear()
        return ended

    def _deliver(self, frame: bytes) -> None:
        deliver = wire_in.deliver(frame, self._properties)
        if deliver.alias:
            topic = self._aliases.get(deliver.alias)
            if topic is None:
                raise Malformed("DELIVER with a topic alias that was not declared")
        else:
            topic = wire_in.topic_name(deliver.properties.topic or b"")
        channel = self._session.channels.get(deliver.subscription)
        if channel is None:
            return  # closed here a moment ago; the daemon does not know yet
        self._session.received += deliver.count
        channel.deliver(topic, deliver, len(frame))
        if not self._touched or self._touched[-1] is not channel:
            self._touched.append(channel)

    def _other(self, frame: bytes) -> Ended:
        kind = frame[4]
        if kind == wire_in.ACK:
            self._outbox.on_ack(wire_in.ack(frame))
        elif kind == wire_in.TOPIC:
            alias, topic = wire_in.topic(frame)
            self._aliases[alias] = topic
        elif kind == wire_in.PONG:
            self._outbox.on_pong(wire_in.ping(frame))
        elif kind == wire_in.PING:
            self._outbox.send_control(wire_out.pong(wire_in.ping(frame)))
        elif kind == wire_in.SUBSCRIBED:
            self._subscribed(wire_in.subscribed(frame))
        elif kind == wire_in.UNSUBSCRIBED:
            self._unsubscribed(wire_in.answer(frame))
        elif kind == wire_in.PAUSED:
            self._paused(wire_in.answer(frame))
        elif kind == wire_in.RESULT:
            self._result(wire_in.result(frame))
        elif kind == wire_in.GAP:
            self._gap(wire_in.loss(frame))
        elif kind == wire_in.NOTICE:
            self._notice(wire_in.loss(frame))
        elif kind == wire_in.ERROR:
            return self._error(wire_in.fault(frame))
        elif kind == wire_in.GOAWAY:
            self._tell(wire_in.fault(frame))
            # What was begun is sent; the daemon answers BYE by ending the connection, and need not wait for us.
            self._outbox.leave()
        return None

    def _subscribed(self, answer: wire_in.Subscribed) -> None:
        channel = self._session.channels.get(answer.reference)
        if channel is None:
            return
        if answer.code == 0:
            if not channel.confirm(answer):
                self._tell(wire_in.Fault(codes.KEEP_OVER, False, 0, _KEPT_NO_LONGER))
            return
        del self._session.channels[answer.reference]
        said = answer.text or codes.error_name(answer.code)
        channel.end(SubscribeError(f"The daemon refused the subscription: {said}", answer.code))

    def _unsubscribed(self, answer: wire_in.Answer) -> None:
        # Asked for it needs nothing; unasked it has a code, and ends what is still open here.
        channel = self._session.channels.get(answer.reference)
        if channel is None or answer.code == 0:
            return
        del self._session.channels[answer.reference]
        said = answer.text or codes.error_name(answer.code)
        channel.end(SubscribeError(f"The daemon ended the subscription: {said}", answer.code))

    def _paused(self, answer: wire_in.Answer) -> None:
        channel = self._session.channels.get(answer.reference)
        if channel is None:
            return
        if answer.code == 0:
            channel.paused(None)
            return
        said = answer.text or codes.error_name(answer.code)
        channel.paused(SubscribeError(f"The daemon cannot let the subscription wait: {said}", answer.code))

    def _result(self, result: wire_in.Answer) -> None:
        asked = self._session.queries.pop(result.reference, None)
        if asked is None:
            return
        if result.code == 0:
            asked[1].resolve(result.text)
        else:
            said = result.text or codes.error_name(result.code)
            asked[1].fail(QueryError(f"The daemon refused the query: {said}", result.code))

    def _gap(self, gap: wire_in.Loss) -> None:
        if gap.reason != _CONFLATED:
            self._session.lost += gap.count
        channel = self._session.channels.get(gap.subscription)
        if channel is not None:
            channel.note_gap()
            self._session.call_back(
                self._session.options.on_gap,
                Gap(
                    tuple(channel.filters), gap.publisher, gap.first, gap.last, gap.count,
                    codes.reason_name(gap.reason), gap.where,
                ),
            )

    def _notice(self, loss: wire_in.Loss) -> None:
        self._session.call_back(
            self._session.options.on_publish_loss,
            PublishLoss(loss.first, loss.last, loss.count, codes.reason_name(loss.reason), loss.where),
        )

    def _error(self, fault: wire_in.Fault) -> Ended:
        if fault.closes:
            return ended_by_daemon(str(self._session.address), fault.code, fault.text), False
        self._tell(fault)
        return None

    def _tell(self, fault: wire_in.Fault) -> None:
        self._session.call_back(
            self._session.options.on_notice,
            Notice(fault.code, codes.error_name(fault.code), fault.reference, fault.text),
        )


def read_json(text: str) -> object:
    """The document of a RESULT. Raises QueryError where it is none."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise QueryError(f"The daemon's answer is no JSON ({error}): please report it.") from None
