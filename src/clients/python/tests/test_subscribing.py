"""Subscriptions: opening, credit, resume, gaps, leaving."""

from __future__ import annotations

import asyncio
import gc
import struct
import threading
import unittest
from typing import Any, List, Tuple

from nexusd_client import (
    ArgumentError,
    AsyncNexusdClient,
    ClosedError,
    Gap,
    Message,
    SubscribeError,
    WaitTimeoutError,
    properties,
    wire_in,
    wire_out,
)
from nexusd_client.resume import MAX_ENTRIES, ReceivedNumbers
from tests.fake_daemon import Connection, FakeDaemonTest, Frame, ack, deliver, eventually, frame, loss, subscribed

KIB = 1024
SUBSCRIBE = wire_out.SUBSCRIBE


def resume_of(subscribe: Frame) -> Tuple[int, List[Tuple[int, int, int, int]]]:
    """What a SUBSCRIBE says that the client has had."""
    value = subscribe.options[0x43]
    return struct.unpack_from("<Q", value)[0], list(struct.iter_unpack("<QQQB", value[8:]))


class Opening(FakeDaemonTest):
    def test_the_frame(self) -> None:
        client = self.make()
        connection = self.connect(client)
        client_subscription = client.subscribe(
            ["a/*", "b"], receive_retained=False, group="g", strategy="round-robin", overflow="block",
            block_timeout_ms=700, queue_events=10, queue_bytes=2000, receive_buffer_bytes=128 * KIB,
        )
        got = connection.expect(SUBSCRIBE)
        self.assertEqual((got.flags, got.u32(4), got.u32(8), got.u32(12)), (1, 128 * KIB, 10, 2000))
        self.assertEqual(got.filters, ["$share/g/a/*", "$share/g/b"])
        self.assertEqual(got.options, {0x40: b"\2", 0x41: struct.pack("<I", 700), 0x42: b"\1"})
        self.assertEqual(client_subscription.filters, got.filters)

    def test_defaults(self) -> None:
        client = self.make()
        connection = self.connect(client)
        subscription = client.subscribe(["a"])
        got = connection.expect(SUBSCRIBE)
        self.assertEqual((got.flags, got.u32(4), got.u32(8), got.u32(12), got.options), (0, 1024 * KIB, 0, 0, {}))
        self.assertFalse(subscription.ready.done())
        connection.send(subscribed(got.u32(0)))
        subscription.ready.result(10)

    def test_a_subscription_goes_before_what_is_published_after_it(self) -> None:
        client = self.make()
        connection = self.connect(client)
        for _ in range(50):
            with client.subscribe(["a"]):
                client.publish("a", b"x")
                kinds = []
                while wire_out.PUBLISH not in kinds:
                    kinds.append(connection.read_frame().kind)
                self.assertIn(SUBSCRIBE, kinds)
            connection.expect(wire_out.UNSUBSCRIBE)

    def test_mistakes_are_told_at_the_call(self) -> None:
        client = self.make()
        for filters in (["a*"], ["a/#/b"], [""], ["$share/g"], ["$share/g/a", "b"], [], ["a"] * 1025, ["\ud800"]):
            with self.subTest(filters[:3]), self.assertRaises(SubscribeError):
                client.subscribe(filters)
        wrong: List[Any] = ["a", None, [5], b"a"]
        for one in wrong:
            with self.subTest(one), self.assertRaises(ArgumentError):
                client.subscribe(one)
        options: List[Any] = [
            {"strategy": "best"}, {"overflow": "explode"}, {"queue_events": -1}, {"receive_buffer_bytes": 1000},
            {"block_timeout_ms": 600_001}, {"options": 5},
        ]
        for option in options:
            with self.subTest(option), self.assertRaises(ArgumentError):
                client.subscribe(["a"], **option)
        with self.assertRaises(SubscribeError):
            client.subscribe(["a"], group="bad/group#")

    def test_a_refusal_of_the_daemon(self) -> None:
        client = self.make()
        subscription = client.subscribe(["a"])
        connection = self.connect(client)
        got = connection.expect(SUBSCRIBE)
        connection.send(subscribed(got.u32(0), 10, b"too many; close some"))
        with self.assertRaises(SubscribeError) as caught:
            subscription.ready.result(10)
        self.assertEqual(caught.exception.code, 10)
        self.assertIn("close some", str(caught.exception))
        with self.assertRaises(SubscribeError):
            list(subscription)
        connection.close()
        connection = self.connect(client)
        client.publish("a", b"first")
        self.assertEqual(connection.publishes(1), [b"first"])


class Receiving(FakeDaemonTest):
    def open(self, client: Any, *filters: str, **options: Any) -> Tuple[Any, int, Connection]:
        subscription = client.subscribe(list(filters) or ["#"], **options)
        connection = self.connect(client)
        while connection.expect(SUBSCRIBE).filters != subscription.filters:
            pass
        sub = subscription._channel.id
        connection.send(subscribed(sub))
        subscription.ready.result(10)
        return subscription, sub, connection

    def test_a_message(self) -> None:
        client = self.make()
        subscription, sub, connection = self.open(client)
        more = properties.encode("text/plain", b"c", {"k": "v"}, 9, properties.Priority.HIGH, "r")
        connection.send(deliver(sub, [b"one", b"two"], 5, b"t/x", 9, 1_700_000_000_123 << 16, 4 | 8, more))
        message = subscription.get(10)
        self.assertEqual((message.topic, message.payload, message.publisher, message.number), ("t/x", b"one", 9, 5))
        self.assertEqual((message.content_type, message.correlation_id), ("text/plain", b"c"))
        self.assertEqual(message.headers, {"k": b"v"})
        self.assertEqual((message.ttl_ms, message.priority, message.reply_topic), (9, 1, "r"))
        self.assertEqual((message.is_retained, message.is_replayed, message.time), (True, True, 1_700_000_000.123))
        self.assertEqual(subscription.get(10).number, 6)
        self.assertIn("topic='t/x'", repr(message))
        self.assertEqual(client.statistics.received, 2)

    def test_aliases_of_the_daemon(self) -> None:
        client = self.make()
        subscription, sub, connection = self.open(client)
        head = struct.pack("<IIQQQ", sub, 3, 9, 1, 1)
        run = frame(wire_in.DELIVER, head + wire_out.run_body([b"x"]))
        connection.send(wire_out.topic(3, b"first"), run, wire_out.topic(3, b"second"), run)
        self.assertEqual([subscription.get(10).topic for _ in range(2)], ["first", "second"])

    def test_credit_is_given_back_as_messages_are_taken(self) -> None:
        client = self.make()
        subscription, sub, connection = self.open(client, receive_buffer_bytes=64 * KIB)
        data = deliver(sub, [b"x" * 4000])
        connection.send(*[data] * 16)
        eventually("all came", lambda: client.statistics.received == 16)
        reader = iter(subscription)
        granted = 0
        for _ in range(16):
            next(reader)
        while granted < 14 * len(data):
            credit = connection.expect(wire_out.CREDIT)
            self.assertGreaterEqual(credit.u32(4), 8 * KIB)
            granted += credit.u32(4)
        self.assertLessEqual(granted, 16 * len(data))
        del reader
        connection.expect(wire_out.UNSUBSCRIBE)

    def test_what_waits_counts_against_the_credit_of_a_new_connection(self) -> None:
        client = self.make()
        subscription, sub, connection = self.open(client, receive_buffer_bytes=64 * KIB)
        data = deliver(sub, [b"x" * 4000])
        connection.send(*[data] * 10)
        eventually("all came", lambda: client.statistics.received == 10)
        connection.close()
        connection = self.connect(client)
        self.assertEqual(connection.expect(SUBSCRIBE).u32(4), 64 * KIB - 10 * len(data))
        for _ in range(10):
            subscription.get(10)
        self.assertGreaterEqual(connection.expect(wire_out.CREDIT).u32(4), 8 * KIB)

    def test_a_slow_reader_holds_up_nobody(self) -> None:
        client = self.make()
        slow = client.subscribe(["slow"])
        fast, sub, connection = self.open(client, "fast")
        connection.send(*[deliver(1, [b"x" * 10_000], n) for n in range(1, 100)])
        connection.send(deliver(2, [b"now"]))
        handle = client.publish("a", b"x")
        connection.publishes(1)
        connection.send(ack(1))
        self.assertEqual(handle.result(10).number, 1)
        self.assertEqual(fast.get(10).payload, b"now")
        self.assertEqual(slow.get(10).number, 1)

    def test_resume(self) -> None:
        client = self.make()
        subscription, sub, connection = self.open(client)
        low = properties.encode(None, None, None, None, properties.Priority.LOW, None)
        connection.send(
            deliver(sub, [b"a", b"b"], 5, timestamp=100), deliver(sub, [b"c"], 3, publisher=8, timestamp=101),
            deliver(sub, [b"d"], 9, timestamp=102, more=low), deliver(sub, [b"old"], 50, publisher=7, flags=4),
            deliver(sub, [b"e"], 2, timestamp=90, flags=8),
        )
        self.assertEqual([subscription.get(10).is_replayed for _ in range(6)], [False] * 5 + [True])
        for _ in range(2):
            connection.close()
            connection = self.connect(client)
            got = connection.expect(SUBSCRIBE)
            self.assertEqual(got.filters, ["#"])
            since, entries = resume_of(got)
            self.assertEqual(sorted(entries), [(8, 3, 101, 0), (9, 6, 100, 0), (9, 9, 102, 2)])
            self.assertGreater(since >> 16, 1_600_000_000_000)

    def test_no_resume_where_it_was_not_confirmed_or_not_wanted(self) -> None:
        client = self.make()
        client_subscription = client.subscribe(["a"])
        unwanted, sub, connection = self.open(client, "b", resume=False)
        connection.send(deliver(sub, [b"x"]))
        unwanted.get(10)
        connection.close()
        connection = self.connect(client)
        self.assertEqual([connection.expect(SUBSCRIBE).options for _ in range(2)], [{}, {}])
        self.assertFalse(client_subscription.ready.done())

    def test_resume_is_bounded(self) -> None:
        numbers = ReceivedNumbers()
        numbers.begin()
        for i in range(1, MAX_ENTRIES + 1):
            numbers.note(i, 0, 1, 2 ** 62 + i)
        numbers.note(1, 0, 2, 2 ** 62 + 5000)
        numbers.note(MAX_ENTRIES + 1, 0, 1, 2 ** 62 + 5001)
        value = numbers.encode()
        self.assertEqual(struct.unpack_from("<Q", value)[0], 2 ** 62 + 2)
        self.assertEqual(len(value), 8 + 25 * MAX_ENTRIES)

    def test_gaps_are_told(self) -> None:
        gaps: List[Gap] = []
        client = self.make(on_gap=gaps.append)
        _, sub, connection = self.open(client, "a", "b")
        connection.send(
            loss(wire_in.GAP, sub, 10, 20, 4, 13), loss(wire_in.GAP, sub, 1, 1, 1, 99),
            loss(wire_in.GAP, 55, 1, 1, 1, 1),
        )
        eventually("told", lambda: client.statistics.lost == 6)
        self.assertEqual(gaps, [
            Gap(("a", "b"), 9, 10, 20, 4, "missed", "node-1"), Gap(("a", "b"), 9, 1, 1, 1, "reason_99", "node-1"),
        ])

    def test_leaving_the_loop_unsubscribes(self) -> None:
        client = self.make()
        subscription, sub, connection = self.open(client)
        connection.send(deliver(sub, [b"1", b"2", b"3"]))
        for message in subscription:
            self.assertEqual(message.payload, b"1")
            break
        self.assertEqual(connection.expect(wire_out.UNSUBSCRIBE).u32(0), sub)
        # What was on its way is ignored, and so is what was never opened.
        connection.send(deliver(sub, [b"late"]), deliver(999, [b"never"]))
        connection.send(frame(wire_in.UNSUBSCRIBED, struct.pack("<I", sub)))
        handle = client.publish("a", b"x")
        connection.publishes(1)
        connection.send(ack(1))
        handle.result(10)
        self.assertTrue(subscription.closed)
        self.assertEqual(list(subscription), [])
        with self.assertRaises(ClosedError):
            subscription.get(1)

    def test_leaving_and_cancelling_in_a_loop(self) -> None:
        client = self.make(AsyncNexusdClient)
        subscription, sub, connection = self.open(client)
        connection.send(deliver(sub, [b"1", b"2", b"3"]))

        async def run() -> None:
            async for message in subscription:
                self.assertEqual(message.payload, b"1")
                break
            reading = asyncio.ensure_future(self.read_all(client.subscribe(["b"])))
            opened = client._session.channels
            eventually("opened", lambda: any(c.filters == ["b"] for c in list(opened.values())))
            await asyncio.sleep(0)
            reading.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await reading

        asyncio.run(run())
        left = [connection.expect_any(SUBSCRIBE, wire_out.UNSUBSCRIBE) for _ in range(3)]
        self.assertEqual(
            sorted((f.kind, f.u32(0) == sub) for f in left),
            [(SUBSCRIBE, False), (wire_out.UNSUBSCRIBE, False), (wire_out.UNSUBSCRIBE, True)],
        )

    @staticmethod
    async def read_all(subscription: Any) -> List[Message]:
        return [message async for message in subscription]

    def test_a_dropped_subscription_is_closed(self) -> None:
        client = self.make()
        subscription, sub, connection = self.open(client)
        del subscription
        gc.collect()
        self.assertEqual(connection.expect(wire_out.UNSUBSCRIBE).u32(0), sub)

    def test_batches(self) -> None:
        client = self.make()
        subscription, sub, connection = self.open(client)
        connection.send(deliver(sub, [b"1", b"2"]), deliver(sub, [b"3"], 3), deliver(sub, [b"4", b"55", b"666"], 4))
        eventually("all came", lambda: client.statistics.received == 6)
        for batch in subscription.batches():
            self.assertEqual(len(batch), 6)
            self.assertEqual(batch.payloads(), [b"1", b"2", b"3", b"4", b"55", b"666"])
            self.assertEqual([message.number for message in batch], [1, 2, 3, 4, 5, 6])
            self.assertEqual((batch[-1].payload, len(batch[1:3])), (b"666", 2))
            self.assertEqual([run.count for run in batch.runs()], [2, 1, 3])
            break
        connection.expect(wire_out.UNSUBSCRIBE)

        async def run() -> None:
            again = client.subscribe(["b"])
            got = connection.expect(SUBSCRIBE)
            connection.send(subscribed(got.u32(0)), deliver(got.u32(0), [b"x"] * 3))
            async for batch in again.batches():
                self.assertEqual(batch.payloads(), [b"x"] * 3)
                break

        asyncio.run(run())

    def test_a_subscription_of_one_thread_read_in_another_loop(self) -> None:
        client = self.make()
        subscription, sub, connection = self.open(client)
        got: List[bytes] = []

        async def run() -> None:
            got.append((await subscription.get_async(10)).payload)
            async for message in subscription:
                got.append(message.payload)

        thread = threading.Thread(target=asyncio.run, args=(run(),))
        thread.start()
        connection.send(deliver(sub, [b"1", b"2"]))
        eventually("read", lambda: len(got) == 2)
        client.close()
        thread.join(20)
        self.assertEqual(got, [b"1", b"2"])

    def test_a_reader_that_always_finds_something_lets_others_run(self) -> None:
        client = self.make(AsyncNexusdClient)
        subscription, sub, connection = self.open(client)
        connection.send(*[deliver(sub, [b"x"] * 100, n) for n in range(1, 4001, 100)])
        eventually("all came", lambda: client.statistics.received == 4000)
        turns: List[int] = []

        async def run() -> None:
            count = 0

            async def other() -> None:
                while count < 4000:
                    turns.append(count)
                    await asyncio.sleep(0)

            beside = asyncio.ensure_future(other())
            async for _ in subscription:
                count += 1
                if count == 4000:
                    break
            await beside

        asyncio.run(run())
        self.assertGreater(len(turns), 10)

    def test_get_waits_and_gives_up(self) -> None:
        client = self.make()
        subscription, sub, connection = self.open(client)
        with self.assertRaises(WaitTimeoutError):
            subscription.get(0.01)

        async def run() -> None:
            with self.assertRaises(WaitTimeoutError):
                await subscription.get_async(0.01)
            waiting = asyncio.ensure_future(subscription.get_async())
            await asyncio.sleep(0)
            waiting.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await waiting

        asyncio.run(run())
        connection.send(deliver(sub, [b"then"]))
        self.assertEqual(subscription.get(10).payload, b"then")


if __name__ == "__main__":
    unittest.main()
