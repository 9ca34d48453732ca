"""The daemon's binary, from the folder that NEXUSD_BIN_DIR names."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import unittest

BINARY = os.path.join(os.environ.get("NEXUSD_BIN_DIR", ""), "nexusd")
HERE = os.path.isabs(BINARY) and os.access(BINARY, os.X_OK)


class RealDaemon:
    """A nexusd with a Unix socket and a TCP port of its own."""

    def __init__(self, *more: str) -> None:
        self.folder = tempfile.mkdtemp(prefix="nexusd-")
        self.address = f"unix:{self.folder}/s"
        self._more = more
        self.start()

    def start(self) -> None:
        """Starts it and waits until it is ready."""
        arguments = [
            BINARY, f"--app-socket={self.folder}/s", "--app-port=0", "--health-port=off", "--mesh-port=0",
            "--discovery=static", "--log-level=ERROR", "--node-name=real", *self._more,
        ]
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if "ready" not in line:
            raise AssertionError(f"nexusd did not start: {line!r}")
        for field in line.split():
            if field.startswith("app=tcp:"):
                self.port = int(field.split(",")[0].rsplit(":", 1)[1])

    def kill(self) -> None:
        """Ends it as a crash would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Asks it to leave."""
        self._end(signal.SIGTERM)

    def close(self) -> None:
        """Ends it and removes what it left."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, number: int) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()


@unittest.skipUnless(HERE, "NEXUSD_BIN_DIR names no folder with nexusd")
class RealDaemonTest(unittest.TestCase):
    """A test with a daemon of its own."""

    more: "tuple[str, ...]" = ()

    def setUp(self) -> None:
        self.daemon = RealDaemon(*self.more)
        self.addCleanup(self.daemon.close)
