"""What publishers feel when the daemon is slow or away."""

from __future__ import annotations

import asyncio
import threading
import unittest
from typing import List

from nexusd_client import AsyncNexusdClient, BufferFullError, Notice, wire_in
from tests.fake_daemon import FakeDaemonTest, eventually, fault

MIB = 1 << 20


class BackPressure(FakeDaemonTest):
    def test_a_full_buffer_while_the_daemon_is_away(self) -> None:
        self.fake.stop_listening()
        client = self.make(publish_buffer_bytes=MIB)
        with self.assertRaises(BufferFullError) as caught:
            for _ in range(20):
                client.publish("a", b"x" * 100_000)
        self.assertIn("is nexusd running?", str(caught.exception))
        self.assertEqual((client.statistics.published, client.statistics.refused), (10, 1))
        with self.assertRaises(BufferFullError) as caught:
            client.publish_many("a", [b"y" * 10_000] * 10)
        taken = caught.exception.accepted
        self.assertEqual(client.statistics.published, 10 + taken)
        self.fake.listen()
        self.assertEqual(len(self.connect(client).publishes(10 + taken)), 10 + taken)

    def test_a_thread_waits_while_the_daemon_is_there(self) -> None:
        client = self.make()
        connection = self.connect(client)
        done = threading.Event()

        def publish() -> None:
            for _ in range(300):
                client.publish("a", b"x" * 100_000)
            client.publish_many("a", [b"y" * 1000] * 5000)
            done.set()

        threading.Thread(target=publish).start()
        eventually("the publisher waits", lambda: client.buffered_bytes > MIB // 2)
        self.assertFalse(done.is_set())
        self.assertLess(client.buffered_bytes, 2 * MIB)
        self.assertEqual(len(connection.publishes(5300)), 5300)
        self.assertTrue(done.wait(20))

    def test_a_wait_ends_when_the_daemon_goes(self) -> None:
        client = self.make(reconnect_min=20, reconnect_max=20)
        connection = self.connect(client)
        errors: List[BaseException] = []

        def publish() -> None:
            try:
                for _ in range(1000):
                    client.publish("a", b"x" * 100_000)
            except BufferFullError as error:
                errors.append(error)

        thread = threading.Thread(target=publish)
        thread.start()
        eventually("the publisher waits", lambda: client.buffered_bytes > MIB // 2)
        connection.close()
        thread.join(20)
        self.assertEqual(len(errors), 1)
        self.assertGreater(client.buffered_bytes, 7 * MIB)

    def test_a_coroutine_never_waits_in_publish(self) -> None:
        client = self.make(AsyncNexusdClient, publish_buffer_bytes=MIB)
        connection = self.connect(client)
        got: List[bytes] = []

        async def run() -> None:
            count = 0
            with self.assertRaises(BufferFullError) as caught:
                while True:
                    client.publish("a", b"x" * 100_000)
                    count += 1
            self.assertIn("drain()", str(caught.exception))
            draining = asyncio.ensure_future(client.drain())
            await asyncio.sleep(0)
            self.assertFalse(draining.done())
            reading = threading.Thread(target=lambda: got.extend(connection.publishes(count + 5000)))
            reading.start()
            await draining
            self.assertEqual(await client.publish_many("a", [b"y" * 1000] * 5000), 5000)
            await asyncio.get_running_loop().run_in_executor(None, reading.join, 20)
            self.assertEqual(len(got), count + 5000)

        asyncio.run(run())

    def test_publish_many_in_a_loop_fails_where_the_daemon_is_away(self) -> None:
        self.fake.stop_listening()
        client = self.make(AsyncNexusdClient, publish_buffer_bytes=MIB)

        async def run() -> None:
            with self.assertRaises(BufferFullError) as caught:
                await client.publish_many("a", [b"x" * 10_000] * 1000)
            self.assertEqual(caught.exception.accepted, client.statistics.published)

        asyncio.run(run())

    def test_a_callback_does_not_wait_for_itself(self) -> None:
        errors: List[str] = []

        def on_notice(_: Notice) -> None:
            try:
                while True:
                    client.publish("a", b"x" * 100_000)
            except BufferFullError as error:
                errors.append(str(error))

        client = self.make(on_notice=on_notice)
        connection = self.connect(client)
        connection.send(fault(wire_in.ERROR, 6, b"x"))
        eventually("told", lambda: bool(errors))


if __name__ == "__main__":
    unittest.main()
