"""The client and the daemon's binary."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import unittest
from typing import Any, Dict, List

from nexusd_client import AsyncNexusdClient, Gap, NexusdClient, NoResponderError
from tests.fake_daemon import eventually
from tests.real_daemon import RealDaemonTest

FAST: Dict[str, Any] = {"reconnect_min": 0.01, "reconnect_max": 0.05}


class Real(RealDaemonTest):
    def client(self, **options: Any) -> NexusdClient:
        client = NexusdClient(self.daemon.address, **{**FAST, **options})
        self.addCleanup(client.close)
        return client

    def test_publish_and_subscribe(self) -> None:
        client = self.client()
        subscription = client.subscribe(["a/*", "b/#"])
        subscription.ready.result(20)
        result = client.publish("a/x", b"1", headers={"k": "v"}, priority="high", ttl_ms=60_000).result(20)
        self.assertEqual((result.local, result.peers, result.number), (1, 0, 1))
        self.assertEqual(client.publish("c", b"2").result(20).local, 0)
        client.publish("b", b"3").result(20)
        first, second = subscription.get(20), subscription.get(20)
        self.assertEqual((first.payload, first.headers, first.ttl_ms), (b"1", {"k": b"v"}, 60_000))
        self.assertEqual((second.topic, second.payload, second.number), ("b", b"3", 3))
        self.assertEqual(first.publisher, client.daemon.publisher_id if client.daemon else 0)

    def test_tcp_and_lists(self) -> None:
        address = f"unix:{self.daemon.folder}/none,localhost:{self.daemon.port}"
        with NexusdClient(address) as client:
            client.wait_ready(20)
            self.assertEqual(client.publish("a", b"").result(20).number, 1)

    def test_a_hundred_thousand_events_come_in_order(self) -> None:
        client = self.client()
        subscription = self.client().subscribe(["n"], overflow="block", block_timeout_ms=60_000)
        subscription.ready.result(20)
        total = 100_000

        def publish() -> None:
            for i in range(total // 2):
                client.publish("n", b"%d" % i)
            client.publish_many("n", [b"%d" % i for i in range(total // 2, total)])

        thread = threading.Thread(target=publish)
        thread.start()
        got: List[int] = []
        for batch in subscription.batches():
            got.extend(map(int, batch.payloads()))
            if len(got) >= total:
                break
        thread.join(20)
        self.assertEqual(got, list(range(total)))

    def test_many_topics_and_sizes(self) -> None:
        client = self.client()
        subscription = client.subscribe(["m/#"])
        subscription.ready.result(20)
        sizes = [0, 1, 100, 5000, 33_000, 200_000]
        for i in range(180):
            client.publish(f"m/{i % 90}", bytes([i % 256]) * sizes[i % 6])
        for i in range(180):
            message = subscription.get(20)
            self.assertEqual((message.topic, len(message.payload)), (f"m/{i % 90}", sizes[i % 6]))

    def test_retained(self) -> None:
        client = self.client()
        client.publish("r/a", b"old", retain=True)
        client.publish("r/a", b"new", retain=True).result(20)
        message = client.subscribe(["r/#"]).get(20)
        self.assertEqual((message.payload, message.is_retained), (b"new", True))
        without = client.subscribe(["r/#"], receive_retained=False)
        without.ready.result(20)
        client.publish("r/a", b"live").result(20)
        self.assertEqual(without.get(20).payload, b"live")

    def test_a_group_of_two(self) -> None:
        client = self.client()
        members = [client.subscribe(["g/#"], group="workers", strategy="round-robin") for _ in range(2)]
        for member in members:
            member.ready.result(20)
        for i in range(100):
            client.publish("g/x", b"%d" % i).result(20)
        eventually("all came", lambda: client.statistics.received == 100)
        got = [[int(run.payloads()[0]) for run in member._channel.take_all()] for member in members]
        self.assertEqual(sorted(got[0] + got[1]), list(range(100)))
        self.assertTrue(got[0] and got[1])

    def test_request_and_reply(self) -> None:
        responder = self.client()

        def respond() -> None:
            for message in responder.subscribe(["prices/get"]):
                responder.reply(message, b"re:" + message.payload)

        client = self.client()
        with self.assertRaises(NoResponderError):
            client.request("prices/get", b"x", 20)
        thread = threading.Thread(target=respond, daemon=True)
        thread.start()
        eventually("subscribed", lambda: any(c.ready.done for c in list(responder._session.channels.values())))
        self.assertEqual(client.request("prices/get", b"apples", 20).payload, b"re:apples")

        async def ask() -> None:
            async with AsyncNexusdClient(self.daemon.address) as asking:
                replies = await asyncio.gather(*(asking.request("prices/get", b"%d" % i, 20) for i in range(50)))
                self.assertEqual([r.payload for r in replies], [b"re:%d" % i for i in range(50)])

        asyncio.run(ask())
        responder.close()
        thread.join(20)

    def test_query(self) -> None:
        client = self.client(name="asker")
        self.assertEqual(client.query("status")["node"]["name"], "real")
        self.assertIn("asker", json.dumps(client.query("clients")))

    def test_kill_and_restart(self) -> None:
        client = self.client()
        subscription = client.subscribe(["a"])
        subscription.ready.result(20)
        client.publish("a", b"before").result(20)
        self.assertEqual(subscription.get(20).payload, b"before")
        self.daemon.kill()
        eventually("seen", lambda: client.state == "reconnecting")
        handle = client.publish("a", b"while away")
        self.assertFalse(handle.done())
        self.daemon.start()
        self.assertEqual(handle.result(20).local, 1)
        self.assertEqual(subscription.get(20).payload, b"while away")
        self.assertEqual(client.statistics.connections, 2)

    def test_killed_while_much_is_published_every_event_is_accounted_for(self) -> None:
        client = self.client()
        stop = threading.Event()
        published = 0

        def publish() -> None:
            nonlocal published
            while not stop.is_set():
                try:
                    client.publish("n", b"%d" % published)
                    published += 1
                except Exception:
                    stop.wait(0.001)

        thread = threading.Thread(target=publish)
        thread.start()
        for _ in range(3):
            before = client.statistics.connections
            eventually("busy", lambda: client.state == "connected" and client.statistics.connections > before - 1)
            done = published + 2000
            eventually("published", lambda: published >= done)
            self.daemon.kill()
            self.daemon.start()
            eventually("connected again", lambda: client.statistics.connections > before)
        stop.set()
        thread.join(20)
        client.flush(20)
        statistics = client.statistics
        self.assertEqual((statistics.published, statistics.buffered_bytes), (published, 0))
        result = client.publish("n", b"last").result(20)
        # The numbers went on without a hole over all connections.
        self.assertEqual(result.number, published + 1)

    def test_a_daemon_that_leaves(self) -> None:
        notices: List[Any] = []
        client = self.client(on_notice=notices.append)
        client.wait_ready(20)
        self.daemon.stop()
        eventually("seen", lambda: client.state == "reconnecting")
        self.assertEqual([n.code for n in notices], [19])
        self.daemon.start()
        client.wait_ready(20)

    def test_close_delivers_the_last_events(self) -> None:
        subscription = self.client().subscribe(["last"])
        subscription.ready.result(20)
        with NexusdClient(self.daemon.address) as client:
            client.publish_many("last", [b"%d" % i for i in range(10_000)])
        got = [int(subscription.get(20).payload) for _ in range(10_000)]
        self.assertEqual(got, list(range(10_000)))
        self.assertEqual(client.statistics.in_doubt, 0)


class SlowReader(RealDaemonTest):
    more = ("--subscriber-queue-limit=1000",)

    def test_losses_are_told_exactly(self) -> None:
        gaps: List[Gap] = []
        client = NexusdClient(self.daemon.address, on_gap=gaps.append)
        self.addCleanup(client.close)
        publisher = NexusdClient(self.daemon.address)
        self.addCleanup(publisher.close)
        subscription = client.subscribe(["s"], receive_buffer_bytes=64 * 1024)
        healthy = client.subscribe(["h"])
        for one in (subscription, healthy):
            one.ready.result(20)
        total = 20_000
        publisher.publish_many("s", [b"%d" % i + b" " * 90 for i in range(total)])
        publisher.publish("h", b"healthy").result(20)
        self.assertEqual(healthy.get(20).payload, b"healthy")
        publisher.publish("s", b"end").result(20)
        got = 0
        for message in subscription:
            got += 1
            if message.payload == b"end":
                break
        self.assertGreater(client.statistics.lost, 0)
        self.assertEqual(got + sum(gap.count for gap in gaps), total + 1)
        self.assertEqual({gap.reason for gap in gaps}, {"queue_full"})


class TheUseCases(RealDaemonTest):
    def test_the_order_service(self) -> None:
        """The snippet as it is written: a module-level sync client, used inside coroutines."""
        client = NexusdClient(self.daemon.address)
        self.addCleanup(client.close)
        reserved: List[Any] = []

        async def reserve_inventory(items: Any) -> None:
            reserved.append(items)

        async def create_order(order_id: int, items: List[str]) -> Dict[str, Any]:
            event = {"order_id": order_id, "items": items}
            client.publish(
                topic=f"orders/created",  # noqa: F541
                payload=json.dumps(event).encode()
            )
            return {"order_id": order_id, "status": "processing"}

        async def subscribe_to_orders() -> None:
            async for message in client.subscribe(["orders/created"]):
                event = json.loads(message.payload)
                await reserve_inventory(event["items"])

        async def run() -> None:
            task = asyncio.ensure_future(subscribe_to_orders())
            await asyncio.sleep(0)
            for i in range(10):
                self.assertEqual(await create_order(i, [str(i)]), {"order_id": i, "status": "processing"})
            while len(reserved) < 10:
                await asyncio.sleep(0.001)
            task.cancel()

        asyncio.run(asyncio.wait_for(run(), 20))
        self.assertEqual(reserved, [[str(i)] for i in range(10)])

    def test_the_congestion_detector(self) -> None:
        """Publishing with await from inside the subscription's loop, on one client that was made without a loop."""
        detector = AsyncNexusdClient(self.daemon.address)
        watcher = NexusdClient(self.daemon.address)
        self.addCleanup(watcher.close)
        alerts = watcher.subscribe(["alerts/congestion/#"])
        alerts.ready.result(20)

        async def start() -> None:
            seen = 0
            async for msg in detector.subscribe(["sensors/traffic/downtown/#"]):
                data = json.loads(msg.payload)
                await detector.publish(
                    topic=f"alerts/congestion/downtown/{data['sensor_id']}",
                    payload=json.dumps(data).encode()
                )
                seen += 1
                if seen == 5:
                    break
            await detector.close()

        thread = threading.Thread(target=asyncio.run, args=(start(),))
        thread.start()
        eventually("subscribed", lambda: watcher.publish("sensors/traffic/downtown/warm", b'{"sensor_id": "w"}')
                   .result(20).local == 1)
        for i in range(5):
            watcher.publish(f"sensors/traffic/downtown/s-{i}", b'{"sensor_id": "s-%d"}' % i)
        thread.join(20)
        got = [alerts.get(20).topic for _ in range(5)]
        self.assertEqual(got[-1], "alerts/congestion/downtown/s-3")

    def test_the_address_of_the_environment(self) -> None:
        old = os.environ.get("NEXUSD_ADDR")
        os.environ["NEXUSD_ADDR"] = self.daemon.address
        try:
            with NexusdClient() as client:
                client.wait_ready(20)
        finally:
            if old is None:
                del os.environ["NEXUSD_ADDR"]
            else:
                os.environ["NEXUSD_ADDR"] = old


if __name__ == "__main__":
    unittest.main()
