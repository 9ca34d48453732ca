"""What of a kept subscription outlives its connection (docs/protocol/app-v1.md, "Keeping")."""

from __future__ import annotations

import time
from collections import deque
from typing import Deque, Iterable, List, Optional

from . import wire_out
from .errors import NexusdError
from .handle import Completion
from .message import ReceivedRun
from .options import SubscribeOptions
from .wire_in import Subscribed


class Kept:
    """The token, how far the subscription was received, and whether it is paused. Used by the I/O thread only, the
    token apart, which any thread may read."""

    def __init__(self, options: SubscribeOptions) -> None:
        self.milliseconds = max(1, int((options.keep_for or 0) * 1000))
        self.token = bytes.fromhex(options.resume_token or "")
        self.runs = 0
        self.gaps = 0
        self._is_counting = False
        self._paused_until = 0.0
        self._pauses_sent = 0
        self._waiting: List[Completion[None]] = []

    @property
    def name(self) -> Optional[str]:
        """The token for another process; None before it was confirmed, or where the daemon keeps nothing."""
        token = self.token
        return token.hex() if token and self._is_counting else None

    @property
    def position(self) -> Optional[wire_out.Position]:
        """How far it was received; None where that is not known."""
        return wire_out.Position(self.runs, self.gaps) if self._is_counting else None

    @property
    def is_paused(self) -> bool:
        """Whether the application asked it to wait."""
        return self._paused_until != 0.0

    def confirm(self, answer: Subscribed) -> bool:
        """The daemon opened it, or goes on with it. False: the one that was kept is gone, and this is a new one."""
        asked = bool(self.token)
        if answer.position is not None:
            self.runs, self.gaps = answer.position
        self._is_counting = answer.position is not None
        self.token = answer.token
        self._end_unless_sent()
        return answer.taken_over or not asked

    def begin_pause(self, milliseconds: int, done: Completion[None], is_sent: bool) -> None:
        """A pause is asked for, or with 0 its end. ``is_sent``: now; else the next connection asks."""
        self._paused_until = time.monotonic() + milliseconds / 1000 if milliseconds else 0.0
        self._waiting.append(done)
        self._pauses_sent += is_sent

    def milliseconds_left(self) -> int:
        """What a new connection asks for; 0: nothing, it is not paused."""
        self._pauses_sent = int(self.is_paused)
        return max(1, int((self._paused_until - time.monotonic()) * 1000)) if self.is_paused else 0

    def paused(self, refusal: Optional[NexusdError]) -> None:
        """The daemon answered a PAUSE."""
        self._pauses_sent = max(0, self._pauses_sent - 1)
        if refusal is None:
            self._end_unless_sent()
        else:
            self._paused_until = 0.0
            self.end_waits(refusal)

    def end_waits(self, error: Optional[NexusdError]) -> None:
        """Tells who waits for a pause or its end."""
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            if error is None:
                done.resolve(None)
            else:
                done.fail(error)

    def _end_unless_sent(self) -> None:
        if self._pauses_sent == 0:
            self.end_waits(None)


class Confirming:
    """Which credit confirms what: of a kept subscription the bytes of this connection that were taken, in the order in
    which they came, and no others. Guarded by the channel's lock."""

    def __init__(self) -> None:
        self._in_hand: Deque[ReceivedRun] = deque()

    def take(self, run: ReceivedRun) -> None:
        """The application gets a run."""
        self._in_hand.append(run)

    def begin(self, waiting: "Deque[ReceivedRun]") -> None:
        """A new connection: what came before it gives no credit in it."""
        for run in (*self._in_hand, *waiting):
            run.credit = 0

    def release(self, runs: Iterable[ReceivedRun]) -> int:
        """The application is done with these runs. Returns the bytes that are confirmed by that."""
        for run in runs:
            run.taken = True
        credit = 0
        while self._in_hand and self._in_hand[0].taken:
            credit += self._in_hand.popleft().credit
        return credit
