"""The publish buffer: runs, aliases, acknowledgements, numbers, replay, back-pressure."""

from __future__ import annotations

import asyncio
import struct
import threading
import unittest
from typing import Any, List

from nexusd_client import (
    ArgumentError,
    NexusdClient,
    Notice,
    PublishError,
    PublishLoss,
    WaitTimeoutError,
    wire_in,
    wire_out,
)
from tests.fake_daemon import Connection, FakeDaemonTest, Frame, ack, eventually, fault, frame, loss

ACK = wire_out.ACKNOWLEDGE
MIB = 1 << 20


def number_asked(connection: Connection) -> int:
    """The next number of HELLO."""
    return int(struct.unpack("<Q", connection.hello[0x13])[0]) if 0x13 in connection.hello else 1


def publish_frames(connection: Connection, events: int) -> List[Frame]:
    """PUBLISH frames up to so many events."""
    frames: List[Frame] = []
    while sum(len(f.events) for f in frames) < events:
        got = connection.read_frame()
        if got.kind == wire_out.PUBLISH:
            frames.append(got)
        elif got.kind == wire_out.PING:
            connection.send(frame(wire_out.PONG, got.body))
    return frames


def payloads(frames: List[Frame]) -> List[bytes]:
    return [event for f in frames for event in f.events]


class Held(FakeDaemonTest):
    """Events that are published before the connection is there, so that they are sent together."""

    def test_a_handle_that_is_held_asks_for_the_acknowledgement(self) -> None:
        client = self.make()
        client.publish("a", b"1")
        client.publish("a", b"2")
        held = client.publish("b", b"3")
        client.publish("c", b"4")
        frames = publish_frames(self.connect(client), 4)
        self.assertEqual([f.flags for f in frames], [0, ACK, 0])
        self.assertEqual(payloads(frames), [b"1", b"2", b"3", b"4"])
        self.assertFalse(held.done())

    def test_events_of_a_run_share_an_acknowledgement(self) -> None:
        client = self.make()
        handles = [client.publish("a", b"%d" % i) for i in range(10)]
        connection = self.connect(client)
        frames = publish_frames(connection, 10)
        self.assertEqual([f.flags for f in frames], [ACK])
        connection.send(ack(1, 10, local=2, peers=1))
        self.assertEqual([handle.result(10).number for handle in handles], list(range(1, 11)))
        self.assertEqual(handles[3].result(), (2, 1, 4))

    def test_runs(self) -> None:
        client = self.make()
        client.publish("a", b"1")
        client.publish("a", b"2", retain=True)
        client.publish("a", b"3", retain=True)
        client.publish("a", b"4", ttl_ms=5, headers={"k": "v", "b": b"\0"}, priority="high")
        client.publish("a", b"5", ttl_ms=5, headers={"k": "v", "b": b"\0"}, priority="high")
        client.publish("a", b"6", ttl_ms=6)
        frames = publish_frames(self.connect(client), 6)
        self.assertEqual([f.events for f in frames], [[b"1"], [b"2", b"3"], [b"4", b"5"], [b"6"]])
        self.assertEqual([f.flags for f in frames], [0, wire_out.RETAIN, 0, 0])
        self.assertEqual([f.alias for f in frames], [1, 1, 1, 1])
        props = frames[2].properties
        self.assertEqual((props.ttl_ms, props.headers, props.priority), (5, {"k": b"v", "b": b"\0"}, 1))

    def test_a_run_is_bounded(self) -> None:
        client = self.make()
        for i in range(1000):
            client.publish("a", b"x" * 100)
        frames = publish_frames(self.connect(client), 1000)
        self.assertLessEqual(max(8 + 4 + 4 + len(f.body) - 8 for f in frames), 32_768)
        self.assertEqual(len(frames), 4)

    def test_publish_many(self) -> None:
        client = self.make()
        sizes = [0, 1, 2, 3000, 40_000, 5] * 20
        mixed = [bytes([i % 256]) * size for i, size in enumerate(sizes)]
        self.assertEqual(client.publish_many("a", mixed), 120)
        self.assertEqual(client.publish_many("a", iter([b"same"] * 20_000)), 20_000)
        self.assertEqual(client.publish_many("a", []), 0)
        frames = publish_frames(self.connect(client), 20_120)
        self.assertEqual(payloads(frames), mixed + [b"same"] * 20_000)
        self.assertTrue(all(len(f.body) + 8 <= 32_768 for f in frames if len(f.events) > 1))
        self.assertEqual(client.statistics.published, 20_120)

    def test_aliases_are_declared_once_and_run_out(self) -> None:
        client = self.make()
        connection = self.connect(client, max_aliases=2)
        got: List[Any] = []
        for topic in ("a", "b", "a", "c", "b", "c", "$reply/x/1"):
            client.publish(topic, b"x")
            while True:
                f = connection.read_frame()
                got.append(f.body[4:].decode() if f.kind == wire_out.TOPIC else (f.alias, f.properties.topic))
                if f.kind == wire_out.PUBLISH:
                    break
        self.assertEqual(
            got, ["a", (1, None), "b", (2, None), (1, None), (0, b"c"), (2, None), (0, b"c"), (0, b"$reply/x/1")]
        )

    def test_payloads_that_may_change_are_copied(self) -> None:
        client = self.make()
        data = bytearray(b"before")
        client.publish("a", data)
        client.publish("a", memoryview(b"view"))
        data[:] = b"after!"
        self.assertEqual(payloads(publish_frames(self.connect(client), 2)), [b"before", b"view"])

    def test_mistakes_are_told_at_the_call(self) -> None:
        client = self.make()
        cases = [
            (PublishError, 6, ("a/#", b"")), (PublishError, 6, ("", b"")), (PublishError, 6, ("$nexusd/x", b"")),
            (PublishError, 6, ("\ud800", b"")), (PublishError, 6, ("a" * 1025, b"")),
            (PublishError, 4, ("a", b"x" * (4 * MIB + 1))), (ArgumentError, None, ("a", "text")),
            (ArgumentError, None, (None, b"")), (ArgumentError, None, ("a", None)),
        ]
        for kind, code, arguments in cases:
            with self.subTest(arguments=[str(a)[:20] for a in arguments]), self.assertRaises(kind) as caught:
                client.publish(*arguments)  # type: ignore[arg-type]
            self.assertEqual(caught.exception.code, code)
        options: List[Any] = [
            {"ttl_ms": 0}, {"ttl_ms": 2 ** 32}, {"priority": "urgent"}, {"headers": {"k": 5}}, {"headers": {"\0": ""}},
            {"content_type": 7}, {"correlation_id": "text"}, {"reply_topic": 7},
        ]
        for option in options:
            with self.subTest(option), self.assertRaises(ArgumentError):
                client.publish("a", b"", **option)
        too_large: List[Any] = [
            {"headers": {str(i): "" for i in range(65)}}, {"headers": {"k" * 256: ""}},
            {"headers": {"k": "v" * 17_000}},
            {"content_type": "t" * 256}, {"correlation_id": b"c" * 256}, {"content_type": ""},
            {"headers": {"a": b"v" * 9000, "b": b"v" * 9000}},
        ]
        for option in too_large:
            with self.subTest(str(option)[:40]), self.assertRaises(PublishError):
                client.publish("a", b"", **option)
        with self.assertRaises(ArgumentError):
            client.publish_many("a", b"one payload")
        with self.assertRaises(ArgumentError):
            client.publish_many("a", [b"", "text"])  # type: ignore[list-item]
        self.assertEqual((client.statistics.published, client.buffered_bytes), (0, 0))

    def test_a_small_limit_of_the_daemon_counts_for_each_event(self) -> None:
        client = self.make()
        self.connect(client, max_payload=10)
        client.publish("a", b"x" * 10)
        with self.assertRaises(PublishError):
            client.publish("a", b"x" * 11)
        with self.assertRaises(PublishError):
            client.publish_many("a", [b"x", b"x" * 11])

    def test_threads_may_publish_at_the_same_time(self) -> None:
        client = self.make()
        connection = self.connect(client)
        got: List[bytes] = []
        reading = threading.Thread(target=lambda: got.extend(connection.publishes(8000)))
        reading.start()

        def publish(who: int) -> None:
            for i in range(2000):
                client.publish("t/%d" % (who % 2), b"%d %d" % (who, i))

        threads = [threading.Thread(target=publish, args=(who,)) for who in range(4)]
        for thread in threads:
            thread.start()
        for thread in [*threads, reading]:
            thread.join(20)
        for who in range(4):
            own = [int(p.split()[1]) for p in got if p.startswith(b"%d " % who)]
            self.assertEqual(own, list(range(2000)))


class Acknowledgements(FakeDaemonTest):
    def test_refused_and_overdue(self) -> None:
        client = self.make(acknowledge_timeout=0.05)
        connection = self.connect(client)
        handle = client.publish("a", b"x")
        connection.publishes(1)
        connection.send(ack(1, code=15))
        for _ in range(2):
            with self.assertRaises(PublishError) as refused:
                handle.result(10)
            self.assertEqual(refused.exception.code, 15)
        with self.assertRaises(WaitTimeoutError):
            client.publish("a", b"y").result()

        async def run() -> None:
            with self.assertRaises(WaitTimeoutError):
                await client.publish("a", b"z")
            with self.assertRaises(WaitTimeoutError):
                await asyncio.wait_for(client.publish("a", b"z").result_async(0.01), 10)

        asyncio.run(run())

    def test_many_loops_and_threads_wait_for_one_handle(self) -> None:
        client = self.make()
        handle = client.publish("a", b"x")
        connection = self.connect(client)
        connection.publishes(1)
        results: List[Any] = []

        async def run() -> None:
            waiting = [asyncio.ensure_future(handle.result_async()) for _ in range(3)]
            await asyncio.sleep(0)
            waiting[0].cancel()
            started.release()
            results.extend(await asyncio.gather(*waiting[1:]))
            results.append(await handle)

        started = threading.Semaphore(0)
        threads = [threading.Thread(target=asyncio.run, args=(run(),)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for _ in threads:
            started.acquire()
        connection.send(ack(7, local=1))
        for thread in threads:
            thread.join(20)
        self.assertEqual(results, [(1, 0, 7)] * 6)

    def test_flush_waits_for_the_pong(self) -> None:
        client = self.make()
        client.flush(1)
        connection = self.connect(client)
        client.publish("a", b"x")
        with self.assertRaises(WaitTimeoutError):
            client.flush(0.02)
        connection.publishes(1)
        ping = connection.read_frame()
        self.assertEqual(ping.kind, wire_out.PING)
        flushing = threading.Thread(target=client.flush, args=(20,))
        flushing.start()
        connection.send(frame(wire_in.PONG, ping.body))
        flushing.join(20)
        self.assertFalse(flushing.is_alive())

    def test_refused_events_and_losses_are_told(self) -> None:
        notices: List[Notice] = []
        losses: List[PublishLoss] = []
        client = self.make(on_notice=notices.append, on_publish_loss=losses.append)
        connection = self.connect(client)
        connection.send(
            fault(wire_in.ERROR, 6, b"a bad topic", reference=5), loss(wire_in.NOTICE, 0, 10, 20, 4, 1),
            loss(wire_in.NOTICE, 0, 10, 20, 4, 77),
        )
        eventually("told", lambda: len(losses) == 2)
        self.assertEqual(notices, [Notice(6, "bad_topic", 5, "a bad topic")])
        self.assertEqual(losses[0], PublishLoss(10, 20, 4, "queue_full", "node-1"))
        self.assertEqual(losses[1].reason, "reason_77")


class Replay(FakeDaemonTest):
    def one(self, client: NexusdClient, topic: str, payload: bytes, connection: Connection) -> None:
        """Publishes an event of its own run, without an acknowledgement, and waits until it is there."""
        client.publish(topic, payload)
        self.assertEqual(connection.publishes(1), [payload])

    def test_unacknowledged_events_are_in_doubt_and_not_sent_again(self) -> None:
        client = self.make()
        connection = self.connect(client)
        for i in range(3):
            self.one(client, "a", b"%d" % i, connection)
        connection.close()
        connection = self.connect(client)
        self.assertEqual(connection.hello[0x12], struct.pack("<Q", 77))
        self.assertEqual(number_asked(connection), 4)
        self.one(client, "a", b"3", connection)
        self.assertEqual(client.statistics.in_doubt, 3)

    def test_a_pong_or_ack_settles_what_was_before_it(self) -> None:
        client = self.make()
        connection = self.connect(client)
        self.one(client, "a", b"0", connection)
        flushing = threading.Thread(target=client.flush)
        flushing.start()
        ping = connection.expect_ping()
        connection.send(frame(wire_in.PONG, ping.body))
        flushing.join(20)
        self.one(client, "a", b"1", connection)
        handle = client.publish("a", b"2")
        connection.publishes(1)
        connection.send(ack(3))
        handle.result(10)
        self.one(client, "a", b"3", connection)
        connection.close()
        self.assertEqual(number_asked(self.connect(client)), 5)
        self.assertEqual(client.statistics.in_doubt, 1)

    def test_from_the_oldest_unacknowledged_on_all_is_sent_again(self) -> None:
        client = self.make()
        connection = self.connect(client)
        self.one(client, "a", b"0", connection)
        held = client.publish("a", b"1")
        self.assertEqual(connection.publishes(1), [b"1"])
        self.one(client, "b", b"2", connection)
        self.one(client, "a", b"3", connection)
        for _ in range(3):
            connection.close()
            connection = self.connect(client)
            self.assertEqual(number_asked(connection), 2)
            self.assertEqual(connection.publishes(3), [b"1", b"2", b"3"])
        connection.send(ack(2))
        self.assertEqual(held.result(10).number, 2)
        self.assertEqual(client.statistics.in_doubt, 1)
        connection.close()
        self.assertEqual(number_asked(self.connect(client)), 5)
        self.assertEqual(client.statistics.in_doubt, 3)

    def test_another_id_or_number_of_the_daemon_is_in_force(self) -> None:
        client = self.make()
        connection = self.connect(client, number=1001)
        held = client.publish("a", b"0")
        connection.publishes(1)
        connection.close()
        client._session.start()
        connection = self.fake.accept().greet(publisher=99, number=5)
        self.assertEqual(number_asked(connection), 1001)
        connection.publishes(1)
        connection.send(ack(5))
        self.assertEqual(held.result(10).number, 5)
        connection.close()
        connection = self.connect(client)
        self.assertEqual((connection.hello[0x12], number_asked(connection)), (struct.pack("<Q", 99), 6))

    def test_the_stream_cut_anywhere_loses_nothing_uncounted(self) -> None:
        client = self.make()
        connection = self.connect(client)
        seen: List[bytes] = []
        total = 0
        for cut in (1, 7, 8, 9, 12, 20, 21, 100, 5000, 40_000):
            handles = [client.publish("t/%d" % (i % 2), b"%d" % (total + i) + b"x" * 700) for i in range(100)]
            total += 100
            connection.read(cut)
            connection.close()
            connection = self.connect(client)
            # All were held, so all come again, in order, with the numbers that they had.
            self.assertEqual(number_asked(connection), total - 99)
            got = publish_frames(connection, 100)
            seen += payloads(got)
            number = total - 99
            for f in got:
                self.assertEqual(f.flags, ACK)
                connection.send(ack(number, len(f.events)))
                number += len(f.events)
            self.assertEqual([h.result(10).number for h in handles], list(range(total - 99, total + 1)))
        self.assertEqual([int(p.rstrip(b"x")) for p in seen], list(range(total)))
        self.assertEqual((client.statistics.in_doubt, client.statistics.published), (0, total))

    def test_what_was_written_in_part_is_sent(self) -> None:
        client = self.make()
        connection = self.connect(client)
        client.publish("a", b"x" * 900_000)
        client.publish("a", b"after")
        connection.read(100_000)
        connection.close()
        connection = self.connect(client)
        self.assertEqual(number_asked(connection), 1)
        self.assertEqual([len(p) for p in connection.publishes(2)], [900_000, 5])
        self.assertEqual(client.statistics.in_doubt, 0)

    def test_a_daemon_that_takes_less(self) -> None:
        client = self.make()
        self.fake.stop_listening()
        large = client.publish("a", b"x" * 1000)
        small = client.publish("b", b"small")
        self.fake.listen()
        connection = self.connect(client, max_payload=100)
        self.assertEqual(connection.publishes(1), [b"small"])
        connection.send(ack(1))
        self.assertEqual(small.result(10).number, 1)
        with self.assertRaises(PublishError) as caught:
            large.result(10)
        self.assertEqual(caught.exception.code, 4)

    def test_a_daemon_that_takes_less_of_what_was_sent(self) -> None:
        client = self.make()
        connection = self.connect(client)
        large, small = client.publish("a", b"x" * 1000), client.publish("b", b"small")
        connection.publishes(2)
        connection.close()
        self.fake.accept().greet(max_payload=100)
        # The numbers of the others are new, so the client is a new publisher.
        connection = self.connect(client, max_payload=100)
        self.assertNotIn(0x12, connection.hello)
        self.assertEqual(connection.publishes(1), [b"small"])
        connection.send(ack(1))
        self.assertEqual(small.result(10).number, 1)
        with self.assertRaises(PublishError):
            large.result(10)

    def test_fewer_aliases_after_a_reconnect(self) -> None:
        client = self.make()
        connection = self.connect(client)
        handles = [client.publish(topic, b"x") for topic in ("a", "b")]
        connection.publishes(2)
        connection.close()
        frames = publish_frames(self.connect(client, max_aliases=1), 2)
        self.assertEqual([(f.alias, f.properties.topic) for f in frames], [(1, None), (0, b"b")])
        self.assertEqual(len(handles), 2)


if __name__ == "__main__":
    unittest.main()
