"""Subscriptions that outlive their connection and their process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import unittest
from typing import Any, Dict, List, Tuple

from nexusd_client import ArgumentError, AsyncNexusdClient, NexusdClient, Notice, SubscribeError, properties, wire_in
from nexusd_client import wire_out
from tests.fake_daemon import Connection, FakeDaemonTest, Frame, deliver, eventually, frame, loss, subscribed
from tests.real_daemon import RealDaemonTest

TOKEN = bytes(range(16, 32))
KEEP, TOKEN_ID, POSITION = 0x44, 0x45, 0x46
SUBSCRIBE, CREDIT, PAUSE = wire_out.SUBSCRIBE, wire_out.CREDIT, wire_out.PAUSE
QUICK: Dict[str, Any] = {"reconnect_min": 0.002, "reconnect_max": 0.02}
# A process that reads some events of a kept subscription, says which, and then hangs until it is killed.
READER = """
import sys, threading
from nexusd_client import NexusdClient
subscription = NexusdClient(sys.argv[1]).subscribe(["n"], keep_for=60)
subscription.ready.result(20)
print(subscription.resume_token, flush=True)
for _ in range(int(sys.argv[2])):
    print(int(subscription.get(20).payload), flush=True)
threading.Event().wait()
"""


def kept(sub: int, runs: int = 0, gaps: int = 0, taken_over: bool = False, token: bytes = TOKEN) -> bytes:
    """SUBSCRIBED of a kept subscription."""
    body = struct.pack("<I", sub) + properties.pack(KEEP, struct.pack("<I", 60_000))
    body += properties.pack(TOKEN_ID, token) + properties.pack(POSITION, struct.pack("<QQ", runs, gaps))
    return frame(wire_in.SUBSCRIBED, body + (properties.pack(0x47, b"\1") if taken_over else b""))


def paused(sub: int, code: int = 0, text: bytes = b"") -> bytes:
    """PAUSED."""
    return frame(wire_in.PAUSED, struct.pack("<I", sub) + text, extra=code)


class Keeping(FakeDaemonTest):
    def open(self, client: Any, **options: Any) -> Tuple[Any, int, Connection, Frame]:
        subscription = client.subscribe(["#"], keep_for=60, **options)
        connection = self.connect(client)
        asked = connection.expect(SUBSCRIBE)
        return subscription, asked.u32(0), connection, asked

    def again(self, connection: Connection) -> Tuple[Connection, Frame]:
        connection.close()
        following = self.fake.accept().greet()
        return following, following.expect(SUBSCRIBE)

    def test_a_reconnect_names_token_and_position(self) -> None:
        subscription, sub, connection, asked = self.open(self.make())
        self.assertEqual(asked.options, {KEEP: struct.pack("<I", 60_000)})
        self.assertIsNone(subscription.resume_token)
        connection.send(kept(sub, 5, 1), deliver(sub, [b"a", b"b"]), deliver(sub, [b"c"], 3))
        connection.send(loss(wire_in.GAP, sub, 4, 4, 1, 1))
        self.assertEqual([subscription.get(10).payload for _ in range(3)], [b"a", b"b", b"c"])
        eventually("gap", lambda: subscription._channel.kept.gaps == 2)
        self.assertEqual(subscription.resume_token, TOKEN.hex())
        _, asked = self.again(connection)
        self.assertEqual(asked.options[TOKEN_ID], TOKEN)
        self.assertEqual(struct.unpack("<QQ", asked.options[POSITION]), (7, 2))
        self.assertIn(0x43, asked.options)
        self.assertEqual(asked.u32(4), 1 << 20)

    def test_credit_is_for_this_connection_alone_and_all_of_it_before_a_wait(self) -> None:
        subscription, sub, connection, _ = self.open(self.make())
        old, new = deliver(sub, [b"old"]), deliver(sub, [b"newer"], 2)
        connection.send(kept(sub), old)
        eventually("came", lambda: len(subscription._channel._runs) == 1)
        connection, _ = self.again(connection)
        connection.send(kept(sub, 1, 0, True), new)
        self.assertEqual(subscription.get(10).payload, b"old")
        self.assertEqual(subscription.get(10).payload, b"newer")
        thread = threading.Thread(target=subscription.get, args=(10,))
        thread.start()
        credit = connection.expect(CREDIT)
        self.assertEqual((credit.u32(0), credit.u32(4)), (sub, len(new)))
        connection.send(deliver(sub, [b"last"], 3))
        thread.join(10)

    def test_what_readers_in_threads_take_is_confirmed_in_order(self) -> None:
        subscription, sub, connection, _ = self.open(self.make())
        frames = [deliver(sub, [b"x" * (n + 1)], n + 1) for n in range(3)]
        connection.send(kept(sub), *frames)
        channel = subscription._channel
        eventually("came", lambda: len(channel._runs) == 3)
        first, second = channel.take(), channel.take()
        channel.release(second)
        channel.settle()
        self.assertEqual(channel._to_grant, 0)
        channel.release(first)
        channel.settle()
        self.assertEqual(connection.expect(CREDIT).u32(4), len(frames[0]) + len(frames[1]))

    def test_a_token_from_outside_has_no_position(self) -> None:
        notices: List[Notice] = []
        client = self.make(on_notice=notices.append)
        subscription, sub, connection, asked = self.open(client, resume_token=TOKEN.hex())
        self.assertEqual(asked.options, {KEEP: struct.pack("<I", 60_000), TOKEN_ID: TOKEN})
        connection.send(kept(sub, token=b"z" * 16))
        subscription.ready.result(10)
        self.assertEqual(subscription.resume_token, (b"z" * 16).hex())
        eventually("told", lambda: [n.code for n in notices] == [26])

    def test_the_daemon_takes_it_away(self) -> None:
        subscription, sub, connection, _ = self.open(self.make())
        connection.send(kept(sub), deliver(sub, [b"had"]))
        connection.send(frame(wire_in.UNSUBSCRIBED, struct.pack("<I", sub) + b"another has it", extra=27))
        self.assertEqual(subscription.get(10).payload, b"had")
        with self.assertRaises(SubscribeError) as caught:
            subscription.get(10)
        self.assertEqual(caught.exception.code, 27)
        self.assertIn("another has it", str(caught.exception))

    def test_pause_and_resume(self) -> None:
        subscription, sub, connection, _ = self.open(self.make())
        connection.send(kept(sub))
        pause = subscription.pause(30)
        got = connection.expect(PAUSE)
        self.assertEqual((got.u32(0), got.u32(4)), (sub, 30_000))
        self.assertFalse(pause.done())
        connection.send(paused(sub))
        pause.result(10)
        connection.close()
        connection = self.fake.accept().greet()
        connection.expect(SUBSCRIBE)
        left = connection.expect(PAUSE).u32(4)
        self.assertTrue(0 < left <= 30_000, left)
        resume = subscription.resume()
        self.assertEqual(connection.expect(PAUSE).u32(4), 0)
        connection.send(kept(sub, taken_over=True), paused(sub))
        self.assertFalse(resume.done())
        connection.send(paused(sub))
        resume.result(10)

    def test_leaving_one_that_is_paused_does_not_end_it(self) -> None:
        client = self.make(AsyncNexusdClient)
        subscription, sub, connection, _ = self.open(client)
        connection.send(kept(sub))

        async def pause_and_leave() -> None:
            pause = subscription.pause(30)
            connection.expect(PAUSE)
            connection.send(paused(sub))
            await pause
            subscription.close()
            client.publish("a", b"after")

        asyncio.run(pause_and_leave())
        self.assertEqual(connection.read_frame().kind, wire_out.TOPIC)

    def test_a_daemon_that_keeps_nothing(self) -> None:
        subscription, sub, connection, _ = self.open(self.make())
        connection.send(frame(wire_in.SUBSCRIBED, struct.pack("<I", sub) + properties.pack(KEEP, b"\0" * 4)))
        pause = subscription.pause(30)
        connection.expect(PAUSE)
        connection.send(paused(sub, 12, b"not kept"))
        with self.assertRaises(SubscribeError) as caught:
            pause.result(10)
        self.assertEqual(caught.exception.code, 12)
        self.assertIsNone(subscription.resume_token)
        subscription.close()
        connection.expect(wire_out.UNSUBSCRIBE)

    def test_options_that_make_no_sense(self) -> None:
        client = self.make()
        wrong: List[Dict[str, Any]] = [
            {"keep_for": 0}, {"keep_for": 604_801}, {"keep_for": "1"}, {"keep_for": 1, "resume_token": "abc"},
            {"keep_for": 1, "resume_token": 5}, {"resume_token": "a" * 32},
            {"keep_for": 1, "receive_buffer_bytes": (16 << 20) + 1},
        ]
        for options in wrong:
            with self.subTest(options), self.assertRaises(ArgumentError):
                client.subscribe(["a"], **options)
        plain = client.subscribe(["a"])
        for call in (lambda: plain.pause(1), plain.resume, lambda: client.subscribe(["a"], keep_for=1).pause(0)):
            with self.assertRaises(ArgumentError):
                call()
        self.assertIsNone(plain.resume_token)

    def test_a_refusal_of_the_subscription_ends_the_wait_for_its_pause(self) -> None:
        subscription, sub, connection, _ = self.open(self.make())
        pause = subscription.pause(30)
        connection.send(subscribed(sub, 10, b"too many"))
        with self.assertRaises(SubscribeError):
            pause.result(10)


class RealKeeping(RealDaemonTest):
    def client(self, **options: Any) -> NexusdClient:
        client = NexusdClient(self.daemon.address, **{**QUICK, **options})
        self.addCleanup(client.close)
        return client

    def test_nothing_is_lost_or_comes_twice_when_the_connection_breaks_again_and_again(self) -> None:
        gaps: List[object] = []
        client, publisher = self.client(on_gap=gaps.append), self.client()
        subscription = client.subscribe(["n"], keep_for=60, queue_events=1 << 20, queue_bytes=128 << 20)
        subscription.ready.result(20)
        token = subscription.resume_token
        rounds, each = 12, 5000
        got: List[int] = []

        def read() -> None:
            for batch in subscription.batches():
                got.extend(map(int, batch.payloads()))
                if len(got) >= rounds * each:
                    return

        reader = threading.Thread(target=read)
        reader.start()
        for start in range(rounds):
            publisher.publish_many("n", [b"%d" % i for i in range(start * each, start * each + each // 2)])
            worker = client._session.worker
            stream = worker._stream if worker is not None else None
            assert stream is not None
            stream.socket.shutdown(socket.SHUT_RDWR)
            publisher.publish_many("n", [b"%d" % i for i in range(start * each + each // 2, (start + 1) * each)])
            wanted = start + 2
            eventually("connected again", lambda: client.statistics.connections >= wanted)
        reader.join(30)
        self.assertEqual(got, list(range(rounds * each)))
        self.assertEqual(gaps, [])
        self.assertEqual(client.statistics.connections, rounds + 1)
        self.assertIsNotNone(token)

    def test_another_process_goes_on_where_one_that_was_killed_stopped(self) -> None:
        reader = subprocess.Popen(
            [sys.executable, "-c", READER, self.daemon.address, "5"], stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": "src"},
        )
        assert reader.stdout is not None
        token = reader.stdout.readline().strip()
        publisher = self.client()
        for i in range(8):
            publisher.publish("n", b"%d" % i).result(20)
        had = [int(reader.stdout.readline()) for _ in range(5)]
        reader.send_signal(signal.SIGKILL)
        reader.wait(20)
        reader.stdout.close()
        publisher.publish("n", b"8").result(20)
        following = self.client().subscribe(["n"], keep_for=60, resume_token=token)
        came: List[int] = []
        while 8 not in came:
            came.append(int(following.get(20).payload))
        self.assertEqual(following.resume_token, token)
        # What it had taken and not confirmed may come again, in order; nothing is left out.
        self.assertEqual(had, [0, 1, 2, 3, 4])
        self.assertEqual(came, list(range(came[0], 9)))
        self.assertLessEqual(came[0], 5)

    def test_a_paused_one_waits_for_its_successor(self) -> None:
        publisher = self.client()
        with NexusdClient(self.daemon.address) as first:
            subscription = first.subscribe(["n"], keep_for=60)
            publisher_ready = subscription.ready.result(20)
            self.assertIsNone(publisher_ready)
            publisher.publish("n", b"0").result(20)
            self.assertEqual(subscription.get(20).payload, b"0")
            subscription.pause(60).result(20)
            token = subscription.resume_token
        for i in range(1, 5):
            publisher.publish("n", b"%d" % i).result(20)
        following = self.client().subscribe(["n"], keep_for=60, resume_token=token)
        messages = [following.get(20) for _ in range(4)]
        self.assertEqual([m.payload for m in messages], [b"1", b"2", b"3", b"4"])
        self.assertFalse(any(m.is_replayed for m in messages))

    def test_a_pause_that_is_too_long_ends_it(self) -> None:
        subscription = self.client().subscribe(["n"], keep_for=60)
        subscription.pause(0.05).result(20)
        with self.assertRaises(SubscribeError) as caught:
            subscription.get(20)
        self.assertEqual(caught.exception.code, 26)


if __name__ == "__main__":
    unittest.main()
