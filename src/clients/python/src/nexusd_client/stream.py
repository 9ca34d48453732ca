"""A socket to a daemon, and the bytes that came from it."""

from __future__ import annotations

import errno
import os
import socket
from typing import Iterator, Optional

from . import wire_in, wire_out
from .address import EndPoint

_READ_BYTES = 256 * 1024


class Stream:
    """A connected socket that never blocks, with a buffer for what was read and not understood yet."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._data = bytearray(_READ_BYTES)
        self._view = memoryview(self._data)
        self._start = 0
        self._end = 0

    @classmethod
    def begin(cls, end_point: EndPoint) -> "Stream":
        """Starts to connect. Raises OSError where that fails at once."""
        sock = socket.socket(end_point.family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            if end_point.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            code = sock.connect_ex(end_point.target)
            # A Unix socket whose queue is full says EAGAIN: that is no connection on its way, but a refusal.
            if code not in (0, errno.EINPROGRESS):
                raise OSError(code, os.strerror(code))
        except BaseException:
            sock.close()
            raise
        return cls(sock)

    @property
    def peeked(self) -> bytes:
        """What was read and not taken."""
        return bytes(self._view[self._start:self._end])

    def skip(self, count: int) -> None:
        """Takes bytes."""
        self._start += count

    def fill(self) -> Optional[int]:
        """Reads what is there. None: nothing is; 0: the other side ended. Raises OSError."""
        self._make_room()
        try:
            count = self.socket.recv_into(self._view[self._end:])
        except (BlockingIOError, InterruptedError):
            return None
        self._end += count
        return count

    def frames(self, max_frame: int = wire_out.LARGEST_FRAME) -> Iterator[bytes]:
        """The whole frames that were read. Raises Malformed where the stream lost step."""
        view = self._view
        for start, stop in wire_in.split_frames(self._data, self._start, self._end, max_frame):
            # Before the frame is given: who takes it may stop here.
            self._start = stop
            yield bytes(view[start:stop])

    def send(self, data: memoryview) -> int:
        """Writes what fits; 0: nothing does at the moment. Raises OSError."""
        try:
            return self.socket.send(data)
        except (BlockingIOError, InterruptedError):
            return 0

    def close(self) -> None:
        """Ends the connection."""
        self.socket.close()

    def _make_room(self) -> None:
        if self._start == self._end:
            self._start = self._end = 0
            if len(self._data) > _READ_BYTES:
                self._replace(_READ_BYTES)
            return
        held = self._end - self._start
        wanted = _READ_BYTES // 4
        if held >= 4:
            # A frame that was begun must fit as a whole; its length was checked when its header was read.
            length = int.from_bytes(self._view[self._start:self._start + 4], "little") + 4
            wanted = max(wanted, min(length, wire_out.LARGEST_FRAME) - held)
        if held + wanted > len(self._data):
            self._replace(held + wanted)
        elif len(self._data) - self._end < wanted:
            self._view[:held] = bytes(self._view[self._start:self._end])
            self._start, self._end = 0, held

    def _replace(self, size: int) -> None:
        held = bytes(self._view[self._start:self._end])
        self._view.release()
        self._data = bytearray(size)
        self._view = memoryview(self._data)
        self._view[:len(held)] = held
        self._start, self._end = 0, len(held)
