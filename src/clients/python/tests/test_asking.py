"""Requests with their replies, and queries."""

from __future__ import annotations

import asyncio
import threading
import unittest
from typing import Any, List

from nexusd_client import (
    ArgumentError,
    AsyncNexusdClient,
    NoResponderError,
    QueryError,
    WaitTimeoutError,
    properties,
    wire_in,
    wire_out,
)
from tests.fake_daemon import Connection, FakeDaemonTest, ack, deliver, frame, subscribed

SUBSCRIBE = wire_out.SUBSCRIBE


class Asking(FakeDaemonTest):
    def test_queries_are_asked_again_in_a_new_connection(self) -> None:
        client = self.make()
        connection = self.connect(client)
        results: List[Any] = []
        thread = threading.Thread(target=lambda: results.append(client.query("status", 20)))
        thread.start()
        first = connection.expect(wire_out.QUERY)
        connection.close()
        connection = self.connect(client)
        again = connection.expect(wire_out.QUERY)
        self.assertEqual(first, again)
        connection.send(frame(wire_in.RESULT, again.body[:4] + b'{"a":1}'))
        thread.join(20)
        self.assertEqual(results, [{"a": 1}])

    def test_refused_queries(self) -> None:
        client = self.make(AsyncNexusdClient)
        connection = self.connect(client)

        async def run() -> None:
            asking = asyncio.ensure_future(client.query("nonsense"))
            await asyncio.sleep(0)
            asked = connection.expect(wire_out.QUERY)
            connection.send(frame(wire_in.RESULT, asked.body[:4] + b"known are ...", extra=21))
            with self.assertRaises(QueryError) as caught:
                await asking
            self.assertEqual(caught.exception.code, 21)
            for bad in ("", "x" * 1089, None):
                with self.assertRaises(QueryError):
                    await client.query(bad)  # type: ignore[arg-type]
            with self.assertRaises(WaitTimeoutError):
                await client.query("status", 0.01)

        asyncio.run(run())

    def answer_inbox(self, connection: Connection) -> int:
        opened = connection.expect(SUBSCRIBE)
        self.assertRegex(opened.filters[0], r"^\$reply/[0-9a-f]{16}/\*$")
        self.assertEqual(opened.flags, 1)
        connection.send(subscribed(opened.u32(0)))
        return opened.u32(0)

    def test_request(self) -> None:
        client = self.make()
        connection = self.connect(client)
        results: List[Any] = []

        def ask() -> None:
            try:
                results.append(client.request("prices", b"apples", 20).payload)
                results.append(client.request("prices", b"pears", 20))
            except NoResponderError:
                results.append("nobody")

        thread = threading.Thread(target=ask)
        thread.start()
        inbox = self.answer_inbox(connection)
        connection.expect(wire_out.TOPIC)
        asked = connection.expect(wire_out.PUBLISH)
        props = asked.properties
        self.assertEqual((asked.flags, asked.events), (wire_out.ACKNOWLEDGE, [b"apples"]))
        assert props.reply_topic is not None and props.correlation_id is not None
        late = deliver(inbox, [b"stray"], topic=props.reply_topic.encode() + b"x")
        connection.send(ack(1), late, deliver(inbox, [b"1.20"], topic=props.reply_topic.encode()))
        again = connection.expect(wire_out.PUBLISH)
        self.assertNotEqual(again.properties.reply_topic, props.reply_topic)
        connection.send(deliver(inbox, [b"late"], topic=props.reply_topic.encode()), ack(2, local=0, peers=0))
        thread.join(20)
        self.assertEqual(results, [b"1.20", "nobody"])

    def test_a_request_that_nobody_answers(self) -> None:
        client = self.make(AsyncNexusdClient)
        connection = self.connect(client)

        async def run() -> None:
            asking = asyncio.ensure_future(client.request("prices", b"", 0.3))

            def answer() -> None:
                self.answer_inbox(connection)
                connection.expect(wire_out.TOPIC)
                connection.expect(wire_out.PUBLISH)
                connection.send(ack(1))

            await asyncio.get_running_loop().run_in_executor(None, answer)
            with self.assertRaises(WaitTimeoutError):
                await asking
            cancelled = asyncio.ensure_future(client.request("prices", b"", 20))
            await asyncio.sleep(0.01)
            cancelled.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await cancelled
            self.assertEqual(client._inbox._calls, {})

        asyncio.run(run())

    def test_a_reply_is_published_again_while_nobody_gets_it(self) -> None:
        client = self.make()
        subscription = client.subscribe(["prices"])
        connection = self.connect(client)
        sub = connection.expect(SUBSCRIBE).u32(0)
        more = properties.encode(None, b"id", None, None, properties.Priority.NORMAL, "$reply/abc/1")
        connection.send(deliver(sub, [b"q"], more=more), deliver(sub, [b"no question"], 2))
        question, plain = subscription.get(10), subscription.get(10)
        with self.assertRaises(ArgumentError):
            client.reply(plain, b"a")
        results: List[Any] = []
        thread = threading.Thread(target=lambda: results.append(client.reply(question, b"a")))
        thread.start()
        for number in range(1, 4):
            reply = connection.expect(wire_out.PUBLISH)
            self.assertEqual((reply.alias, reply.properties.topic), (0, b"$reply/abc/1"))
            self.assertEqual((reply.properties.correlation_id, reply.events), (b"id", [b"a"]))
            connection.send(ack(number, local=0, peers=1 if number == 3 else 0))
        thread.join(20)
        self.assertEqual(results, [(0, 1, 3)])


if __name__ == "__main__":
    unittest.main()
