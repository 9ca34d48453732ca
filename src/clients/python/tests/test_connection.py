"""Connecting, greeting, staying alive, reconnecting, closing."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
import time
import unittest
from typing import List

from nexusd_client import (
    ClosedError,
    ConnectError,
    NexusdClient,
    Notice,
    StateChange,
    WaitTimeoutError,
    wire_in,
    wire_out,
)
from nexusd_client.worker import Backoff
from tests.fake_daemon import (
    FakeDaemonTest,
    ack,
    deliver,
    eventually,
    fault,
    frame,
    subscribed,
    welcome,
)


class Connecting(FakeDaemonTest):
    def test_making_a_client_does_no_io(self) -> None:
        self.fake.stop_listening()
        client = self.make()
        self.assertEqual(client.state, "idle")
        client.close()
        self.assertEqual(client.state, "closed")

    def test_the_first_use_connects(self) -> None:
        client = self.make(name="shop")
        threads = threading.active_count()
        handle = client.publish("a/b", b"x")
        self.assertEqual(threading.active_count(), threads + 1)
        connection = self.fake.accept().greet()
        self.assertEqual(connection.hello[0x10], b"shop")
        self.assertTrue(connection.hello[0x11].startswith(b"python/"))
        self.assertNotIn(0x12, connection.hello)
        self.assertNotIn(0x13, connection.hello)
        topic = connection.expect(wire_out.TOPIC)
        self.assertEqual((topic.alias, topic.body[4:]), (1, b"a/b"))
        publish = connection.expect(wire_out.PUBLISH)
        connection.send(ack(1))
        self.assertEqual((publish.alias, publish.events), (1, [b"x"]))
        self.assertEqual(handle.result(10).number, 1)
        self.assertEqual(client.daemon.node_name if client.daemon else "", "fake")

    def test_states_are_told_in_order(self) -> None:
        states: List[StateChange] = []
        client = self.make(on_state=states.append)
        connection = self.connect(client)
        connection.close()
        self.connect(client)
        client.close()
        self.assertEqual(
            [s.state for s in states], ["connecting", "connected", "reconnecting", "connected", "closed"]
        )
        self.assertIn("ended", str(states[2].error))
        self.assertIsNotNone(states[2].retry_after)

    def test_wait_ready_says_why(self) -> None:
        self.fake.stop_listening()
        client = self.make()
        with self.assertRaises(ConnectError) as caught:
            client.wait_ready(0.2)
        self.assertIn("There is no socket at unix:", str(caught.exception))
        self.assertFalse(caught.exception.permanent)
        self.fake.listen()
        waiting = threading.Thread(target=client.wait_ready, args=(20,))
        waiting.start()
        self.connect(client)
        waiting.join(20)
        client.wait_ready(0)

    def test_wait_ready_in_a_loop_and_cancelled(self) -> None:
        from nexusd_client import AsyncNexusdClient

        client = self.make(AsyncNexusdClient)

        async def run() -> None:
            waiting = asyncio.ensure_future(client.wait_ready(20))
            await asyncio.sleep(0)
            waiting.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await waiting
            again = asyncio.ensure_future(client.wait_ready(20))
            await asyncio.get_running_loop().run_in_executor(None, lambda: self.fake.accept().greet())
            await again

        asyncio.run(run())

    def test_another_program_at_the_port(self) -> None:
        answers = {
            b"HTTP/1.1 400 Bad Request\r\n\r\n": "an HTTP server",
            b"AMQP\0\0\x09\1": "AMQP",
            b"\x15\x03\x01\0\2\2\x46": "a TLS server",
            b"-ERR unknown command\r\n": "a Redis server",
            b"hello?": "another program",
            b"N": "closed the connection",
        }
        for answer, expected in answers.items():
            with self.subTest(answer):
                client = self.make(reconnect_min=20, reconnect_max=20)
                done = client._session.ready()
                connection = self.fake.accept()
                connection.read_hello()
                connection.send(answer)
                if answer == b"N":
                    connection.close()
                    eventually("told", lambda: client._session.last_error is not None)
                    self.assertFalse(client._session.last_error.permanent)
                    self.assertIn(expected, str(client._session.last_error))
                    client.close()
                    continue
                self.assertTrue(done.wait(20))
                with self.assertRaises(ConnectError) as caught:
                    client.wait_ready(20)
                self.assertTrue(caught.exception.permanent)
                self.assertEqual(caught.exception.code, 1)
                self.assertIn(expected, str(caught.exception))
                client.close()

    def test_the_client_goes_on_trying_after_another_program(self) -> None:
        client = self.make()
        client._session.start()
        connection = self.fake.accept()
        connection.send(b"SSH-2.0-x\r\n")
        self.connect(client)

    def test_refusals(self) -> None:
        cases = [
            (b"NXD1\0\0\0\0" + fault(wire_in.ERROR, 8, b"speak version 1", True), 8, True),
            (b"NXD1\1\0\0\0" + fault(wire_in.ERROR, 14, b"who are you?", True), 14, True),
            (b"NXD1\1\0\0\0" + fault(wire_in.ERROR, 13, b"too many", True), 13, False),
            (b"NXD1\1\0\0\0" + frame(wire_in.WELCOME), 2, False),
        ]
        for answer, code, permanent in cases:
            with self.subTest(code):
                client = self.make(reconnect_min=20, reconnect_max=20)
                client._session.start()
                connection = self.fake.accept()
                connection.read_hello()
                connection.send(answer)
                connection.close()
                eventually("told", lambda: client._session.last_error is not None)
                error = client._session.last_error
                self.assertEqual((error.code, error.permanent), (code, permanent), str(error))
                client.close()

    def test_one_attempt_has_a_limit(self) -> None:
        client = self.make(connect_timeout=0.05)
        client._session.start()
        silent = self.fake.accept()
        silent.read_hello()
        eventually("told", lambda: client._session.last_error is not None)
        self.assertIn("did not answer within 0.05 s", str(client._session.last_error))
        self.connect(client)

    def test_the_greeting_cut_at_every_byte(self) -> None:
        client = self.make()
        client._session.start()
        greeting = b"NXD1\1\0\0\0" + welcome()
        for cut in range(len(greeting)):
            connection = self.fake.accept()
            connection.read_hello()
            connection.send(greeting[:cut])
            connection.close()
        self.connect(client)
        self.assertEqual(client.statistics.connections, 1)

    def test_frames_split_at_every_byte(self) -> None:
        client = self.make()
        subscription = client.subscribe(["#"])
        handle = client.publish("a", b"x")
        connection = self.fake.accept()
        connection.read_hello()
        connection.dribble(b"NXD1\1\0\0\0" + welcome())
        connection.expect(wire_out.SUBSCRIBE)
        connection.dribble(
            subscribed(1) + frame(0xEF, b"later") + deliver(1, [b"one", b"two"]) + ack(1, local=3, peers=2)
            + deliver(1, [b"y" * 5000], number=9)
        )
        self.assertEqual([subscription.get(10).payload for _ in range(3)], [b"one", b"two", b"y" * 5000])
        self.assertEqual(tuple(handle.result(10)), (3, 2, 1))

    def test_a_large_frame_is_put_together(self) -> None:
        client = self.make()
        subscription = client.subscribe(["#"])
        connection = self.connect(client)
        payload = bytes(range(256)) * 16384
        sender = threading.Thread(
            target=connection.send, args=(deliver(1, [b"a"]), deliver(1, [payload], number=2), deliver(1, [b"b"], 3))
        )
        sender.start()
        self.assertEqual([subscription.get(20).payload for _ in range(3)], [b"a", payload, b"b"])
        sender.join(20)

    def test_what_breaks_the_protocol_ends_the_connection(self) -> None:
        client = self.make()
        subscription = client.subscribe(["#"])
        broken = [
            frame(0xF0), b"\3\0\0\0\1", frame(wire_in.ACK), ack(1), frame(wire_in.TOPIC, b"\0\0\0\0a"),
            frame(wire_in.DELIVER, b"x"), deliver(1, [b"a"], publisher=0), b"\xff\xff\xff\xff\x43",
            deliver(1, [b"a"])[:-1] + b"", frame(wire_in.PING, b"short"), deliver(1, [b"a"], topic=b"a/#"),
        ]
        for data in broken:
            with self.subTest(data[:60]):
                connection = self.connect(client)
                before = client.statistics.connections
                connection.send(data)
                if data == deliver(1, [b"a"])[:-1]:
                    connection.close()
                else:
                    connection.expect_end()
                eventually("reconnecting", lambda: client.state != "connected")
                self.assertEqual(client.statistics.connections, before)
        connection = self.connect(client)
        connection.send(deliver(1, [b"fine"]))
        self.assertEqual(subscription.get(10).payload, b"fine")

    def test_lists_use_the_first_that_answers(self) -> None:
        client = self.make(address=f"unix:{self.fake.folder}/none,{self.fake.address}")
        self.connect(client)

    def test_backoff_is_random_and_doubles(self) -> None:
        backoff = Backoff(0.1, 30.0, random.Random(1))
        bound = 0.1
        for _ in range(20):
            wait = backoff.next()
            self.assertGreaterEqual(wait, 0.01)
            self.assertLessEqual(wait, bound)
            bound = min(30.0, bound * 2)
        backoff.reset()
        self.assertLessEqual(backoff.next(), 0.1)


class OverTcp(FakeDaemonTest):
    tcp = True

    def test_tcp(self) -> None:
        client = self.make()
        connection = self.connect(client)
        self.assertTrue(self.fake.address.startswith("127.0.0.1:"))
        handle = client.publish("a", b"x")
        connection.publishes(1)
        connection.send(ack(1))
        handle.result(10)

    def test_nothing_listens(self) -> None:
        address = self.fake.address
        self.fake.stop_listening()
        client = self.make(address=address)
        with self.assertRaises(ConnectError) as caught:
            client.wait_ready(0.1)
        self.assertIn("Nothing listens at 127.0.0.1:", str(caught.exception))


class StayingAlive(FakeDaemonTest):
    def test_pings_are_answered(self) -> None:
        client = self.make()
        connection = self.connect(client)
        connection.send(frame(wire_in.PING, b"12345678"))
        self.assertEqual(connection.expect(wire_out.PONG).body, b"12345678")

    def test_a_quiet_client_pings(self) -> None:
        client = self.make(keep_alive=0.05)
        connection = self.connect(client)
        for _ in range(5):
            ping = connection.read_frame()
            self.assertEqual(ping.kind, wire_out.PING)
            connection.send(frame(wire_in.PONG, ping.body))
        self.assertEqual(client.statistics.connections, 1)

    def test_a_third_of_the_idle_time_out_counts_where_it_is_shorter(self) -> None:
        client = self.make(keep_alive=30)
        connection = self.connect(client, idle=300)
        self.assertEqual(connection.read_frame().kind, wire_out.PING)

    def test_silence_counts_as_broken(self) -> None:
        client = self.make(keep_alive=0.03)
        self.connect(client)
        self.connect(client)
        self.assertEqual(client.statistics.connections, 2)

    def test_goaway_is_told_and_the_client_leaves_in_good_order(self) -> None:
        notices: List[Notice] = []
        client = self.make(on_notice=notices.append)
        connection = self.connect(client)
        client.publish("a", b"before")
        self.assertEqual(connection.publishes(1), [b"before"])
        connection.send(fault(wire_in.GOAWAY, 19, b"leaving"))
        connection.expect(wire_out.BYE_KIND)
        self.assertEqual((notices[0].code, notices[0].name, notices[0].text), (19, "shutting_down", "leaving"))
        handle = client.publish("a", b"for the next")
        connection.close()
        connection = self.connect(client)
        self.assertEqual(connection.publishes(1), [b"for the next"])
        connection.send(ack(2))
        self.assertEqual(handle.result(10).number, 2)
        # The daemon ended the connection in answer to BYE: it has what was sent before.
        self.assertEqual(client.statistics.in_doubt, 0)

    def test_an_error_that_closes(self) -> None:
        states: List[StateChange] = []
        client = self.make(on_state=states.append)
        connection = self.connect(client)
        connection.send(fault(wire_in.ERROR, 20, b"you were idle", closes=True))
        self.connect(client)
        self.assertIn("you were idle", str(states[2].error))

    def test_a_callback_that_raises_ends_nothing(self) -> None:
        def fail(_: object) -> None:
            raise RuntimeError("the application's")

        client = self.make(on_state=fail, on_notice=fail)
        with self.assertLogs("nexusd_client", "ERROR"):
            connection = self.connect(client)
            connection.send(fault(wire_in.ERROR, 6, b"no"))
            handle = client.publish("a", b"x")
            connection.publishes(1)
            connection.send(ack(1))
            handle.result(10)
            connection.close()
            client.close()


class Closing(FakeDaemonTest):
    def test_close_sends_what_is_buffered_then_bye(self) -> None:
        client = self.make(close_timeout=20)
        connection = self.connect(client)
        client.publish("a", b"last")
        closing = threading.Thread(target=client.close)
        closing.start()
        self.assertEqual(connection.publishes(1), [b"last"])
        self.assertEqual(connection.expect(wire_out.BYE_KIND).body, b"")
        connection.close()
        closing.join(20)
        self.assertFalse(closing.is_alive())
        self.assertEqual((client.state, client.statistics.in_doubt), ("closed", 0))
        client.close()

    def test_a_daemon_that_does_not_end_is_left(self) -> None:
        client = self.make()
        connection = self.connect(client)
        client.close()
        connection.expect_end()

    def test_all_waits_end_with_closed(self) -> None:
        client = self.make()
        connection = self.connect(client)
        subscription = client.subscribe(["a"])
        handle = client.publish("a", b"x")
        errors: List[BaseException] = []

        def wait_for(call: object, *arguments: object) -> threading.Thread:
            def run() -> None:
                try:
                    call(*arguments)  # type: ignore[operator]
                except BaseException as error:
                    errors.append(error)

            thread = threading.Thread(target=run)
            thread.start()
            return thread

        threads = [
            wait_for(handle.result, 20), wait_for(subscription.get, 20), wait_for(client.flush, 20),
            wait_for(client.query, "status", 20), wait_for(subscription.ready.result, 20),
            wait_for(client.request, "r", b"", 20),
        ]
        kinds = [connection.read_frame().kind for _ in range(3)]
        self.assertIn(wire_out.SUBSCRIBE, kinds)
        client.close()
        for thread in threads:
            thread.join(20)
        self.assertEqual([type(error) for error in errors], [ClosedError] * 6)

    def test_later_calls_fail(self) -> None:
        client = self.make()
        client.close()
        for call in (
            lambda: client.publish("a", b""), lambda: client.subscribe(["a"]), lambda: client.wait_ready(1),
            lambda: client.query("status"), lambda: client.publish_many("a", [b""]), lambda: client.flush(),
            lambda: client.request("a", b""),
        ):
            with self.assertRaises(ClosedError):
                call()

    def test_close_while_the_daemon_is_away(self) -> None:
        self.fake.stop_listening()
        client = self.make(close_timeout=30)
        client._session.start()
        start = time.monotonic()
        client.close()
        self.assertLess(time.monotonic() - start, 20)
        slow = self.make(close_timeout=0.1)
        handle = slow.publish("a", b"lost")
        slow.close()
        with self.assertRaises(ClosedError):
            handle.result(1)

    def test_close_in_a_callback(self) -> None:
        closed = threading.Event()

        def on_state(change: StateChange) -> None:
            if change.state == "connected":
                holder[0].close()
            if change.state == "closed":
                closed.set()

        holder = [self.make(on_state=on_state)]
        holder[0]._session.start()
        self.fake.accept().greet()
        self.assertTrue(closed.wait(20))

    def test_with(self) -> None:
        with self.make() as client:
            connection = self.connect(client)
        self.assertEqual(client.state, "closed")
        connection.expect_end()

    def test_an_abandoned_client_says_goodbye(self) -> None:
        client = NexusdClient(self.fake.address)
        connection = self.connect(client)
        session = client._session
        client.publish("a", b"dropped")
        del client
        self.assertEqual(connection.publishes(1), [b"dropped"])
        connection.expect(wire_out.BYE_KIND)
        connection.close()
        eventually("closed", lambda: session.state == "closed")
        session.join()

    def test_a_socket_that_was_closed_in_between(self) -> None:
        client = self.make()
        connection = self.connect(client)
        connection.socket.shutdown(socket.SHUT_RDWR)
        with self.assertRaises(WaitTimeoutError):
            client.publish("a", b"x").result(0.05)
        self.fake.accept().greet()


if __name__ == "__main__":
    unittest.main()
