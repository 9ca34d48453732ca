"""What a subscription had of each publisher, to go on there in a new connection (app-v1.md, "Resuming")."""

from __future__ import annotations

import time
from typing import Dict, Tuple

from . import wire_out
from .wire_out import ResumeEntry

MAX_ENTRIES = 1_024


class ReceivedNumbers:
    """The highest number of each publisher and priority class. Used by the I/O thread only.

    Bounded: of more pairs than fit the one heard longest ago is left out, and what was stamped before is not asked for
    again.
    """

    def __init__(self) -> None:
        self._since = 0
        # Ordered by when the pair was heard last, as far as another pair came between.
        self._last: Dict[Tuple[int, int], Tuple[int, int]] = {}
        self._newest: Tuple[int, int] = (0, 0)

    def begin(self) -> None:
        """The subscription begins: what is older is none of its own."""
        self._last.clear()
        self._newest = (0, 0)
        self._since = int(time.time() * 1000) << 16

    def note(self, publisher: int, priority: int, number: int, timestamp: int) -> None:
        """A run came that ends with ``number``."""
        pair = (publisher, priority)
        last = self._last
        if pair != self._newest:
            had = last.pop(pair, None)
            if had is None:
                if len(last) >= MAX_ENTRIES:
                    oldest = next(iter(last))
                    self._since = max(self._since, last.pop(oldest)[1])
            else:
                last[pair] = had
            self._newest = pair
        # A replayed event may be older than one that was had.
        if number >= last.get(pair, (0, 0))[0]:
            last[pair] = (number, timestamp)

    def encode(self) -> bytes:
        """The value of the resume property."""
        return wire_out.resume(
            self._since,
            [ResumeEntry(pair[0], had[0], had[1], pair[1]) for pair, had in self._last.items()],
        )
