"""What a process does around a client: forks, exits without closing, collects garbage."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
import unittest
import weakref
from typing import Callable

from nexusd_client import ClosedError, NexusdClient, wire_out
from tests.fake_daemon import FakeDaemonTest, ack, deliver, eventually, subscribed

SOURCE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "src")


def in_child(work: Callable[[], None]) -> int:
    """Runs it in a fork; 0: it raised nothing."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException as error:
            sys.stderr.write(f"in the child: {error!r}\n")
        finally:
            os._exit(code)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, 9)
    os.waitpid(child, 0)
    raise AssertionError("the child hangs")


@unittest.skipUnless(hasattr(os, "fork"), "this system does not fork")
class Forks(FakeDaemonTest):
    def test_a_client_that_is_in_use_says_so_in_the_child_and_goes_on_in_the_parent(self) -> None:
        client = self.make()
        subscription = client.subscribe(["a"])
        connection = self.connect(client)
        got = connection.expect(wire_out.SUBSCRIBE)
        connection.send(subscribed(got.u32(0)))

        def work() -> None:
            for call in (
                lambda: client.publish("a", b""), lambda: client.flush(), lambda: client.subscribe(["b"]),
                lambda: client.publish_many("a", [b""]), lambda: subscription.get(5), lambda: next(iter(subscription)),
            ):
                try:
                    call()
                except ClosedError as error:
                    assert "fork" in str(error), error
                else:
                    raise AssertionError("no error")
            assert client.state == "closed"
            client.close()

        self.assertEqual(in_child(work), 0)
        handle = client.publish("a", b"parent")
        self.assertEqual(connection.publishes(1), [b"parent"])
        connection.send(ack(1), deliver(got.u32(0), [b"x"]))
        self.assertEqual(handle.result(10).number, 1)
        self.assertEqual(subscription.get(10).payload, b"x")
        client.close()
        # The child's copy of the connection was closed, so it ends with the parent's.
        connection.expect_end()

    def test_a_client_that_was_not_used_works_in_the_child(self) -> None:
        client = self.make()

        def serve() -> None:
            connection = self.fake.accept().greet()
            connection.publishes(1)
            connection.send(ack(1))

        server = threading.Thread(target=serve)
        server.start()
        self.assertEqual(in_child(lambda: self.assertEqual(client.publish("a", b"x").result(10).number, 1)), 0)
        server.join(20)
        self.assertEqual(client.state, "idle")


class Exits(FakeDaemonTest):
    def run_script(self, script: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-X", "dev", "-c", script, self.fake.address], env={**os.environ, "PYTHONPATH": SOURCE},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )

    def ended(self, process: "subprocess.Popen[str]") -> "tuple[int, str, str]":
        try:
            out, err = process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise AssertionError("the interpreter hangs at its end") from None
        return process.returncode, out, err

    def test_what_was_published_last_is_sent(self) -> None:
        process = self.run_script(
            "import sys, nexusd_client\n"
            "client = nexusd_client.NexusdClient(sys.argv[1])\n"
            "client.wait_ready()\n"
            "for i in range(1000): client.publish('a', b'%d' % i)\n"
        )
        connection = self.fake.accept().greet()
        self.assertEqual(connection.publishes(1000), [b"%d" % i for i in range(1000)])
        connection.expect(wire_out.BYE_KIND)
        connection.close()
        self.assertEqual(self.ended(process), (0, "", ""))

    def test_the_end_does_not_wait_for_a_daemon_that_is_away(self) -> None:
        self.fake.stop_listening()
        process = self.run_script(
            "import sys, nexusd_client\n"
            "client = nexusd_client.NexusdClient(sys.argv[1])\n"
            "client.publish('a', b'x')\n"
            "subscription = client.subscribe(['a'])\n"
            "kept = client.publish('a', b'y')\n"
        )
        self.assertEqual(self.ended(process), (0, "", ""))

    def test_the_end_does_not_wait_for_a_daemon_that_says_nothing(self) -> None:
        process = self.run_script(
            "import sys, threading, nexusd_client\n"
            "client = nexusd_client.NexusdClient(sys.argv[1])\n"
            "subscription = client.subscribe(['a'])\n"
            "threading.Thread(target=lambda: list(subscription), daemon=True).start()\n"
            "client.wait_ready()\n"
            "client.publish('a', b'x')\n"
        )
        self.fake.accept().greet()
        self.assertEqual(self.ended(process), (0, "", ""))

    def test_an_async_program_that_closes_nothing(self) -> None:
        process = self.run_script(
            "import asyncio, sys, nexusd_client\n"
            "async def main():\n"
            "    client = nexusd_client.AsyncNexusdClient(sys.argv[1])\n"
            "    async for message in client.subscribe(['a']):\n"
            "        print(message.payload.decode())\n"
            "        break\n"
            "asyncio.run(main())\n"
        )
        connection = self.fake.accept().greet()
        got = connection.expect(wire_out.SUBSCRIBE)
        connection.send(subscribed(got.u32(0)), deliver(got.u32(0), [b"hello"]))
        connection.expect_any(wire_out.UNSUBSCRIBE, wire_out.BYE_KIND)
        connection.close()
        self.assertEqual(self.ended(process), (0, "hello\n", ""))


class Garbage(FakeDaemonTest):
    def test_a_client_that_was_never_used_leaves_nothing(self) -> None:
        threads = threading.active_count()
        client = NexusdClient(self.fake.address)
        gone = weakref.ref(client._session)
        del client
        gc.collect()
        self.assertIsNone(gone())
        self.assertEqual(threading.active_count(), threads)

    def test_a_subscription_keeps_its_client(self) -> None:
        subscription = NexusdClient(self.fake.address).subscribe(["a"])
        gc.collect()
        connection = self.fake.accept().greet()
        got = connection.expect(wire_out.SUBSCRIBE)
        connection.send(deliver(got.u32(0), [b"x"]))
        self.assertEqual(subscription.get(10).payload, b"x")
        session = subscription._owner._session  # type: ignore[attr-defined]
        del subscription
        gc.collect()
        connection.expect(wire_out.UNSUBSCRIBE)
        connection.expect(wire_out.BYE_KIND)
        connection.close()
        eventually("closed", lambda: session.state == "closed")
        session.join()

    def test_many_clients_leave_no_descriptors(self) -> None:
        def descriptors() -> int:
            return len(os.listdir("/proc/self/fd"))

        if not os.path.isdir("/proc/self/fd"):
            self.skipTest("this system does not show descriptors")
        before = None
        for i in range(20):
            client = self.make()
            connection = self.connect(client)
            closing = threading.Thread(target=client.close)
            closing.start()
            connection.expect(wire_out.BYE_KIND)
            connection.close()
            closing.join(20)
            if i == 4:
                before = descriptors()
        self.assertEqual(descriptors(), before)


if __name__ == "__main__":
    unittest.main()
