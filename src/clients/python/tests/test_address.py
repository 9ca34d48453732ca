"""Addresses and options."""

from __future__ import annotations

import os
import socket
import tempfile
import unittest
from typing import Any, Optional
from unittest import mock

from nexusd_client import ArgumentError, ClientOptions, ConnectError, NexusdClient, SubscribeOptions, address
from nexusd_client.address import Address


class Addresses(unittest.TestCase):
    def setUp(self) -> None:
        self.environment = mock.patch.dict(os.environ)
        self.environment.start()
        self.addCleanup(self.environment.stop)
        os.environ.pop("NEXUSD_ADDR", None)
        os.environ.pop("XDG_RUNTIME_DIR", None)
        system = mock.patch.object(address, "SYSTEM_SOCKET", "/nonexistent/nexusd.sock")
        system.start()
        self.addCleanup(system.stop)

    def test_forms(self) -> None:
        cases = {
            "host:1": "host:1", "host": "host:5672", "[::1]:7": "[::1]:7", "[::1]": "[::1]:5672", "::1": "[::1]:5672",
            "unix:/a/b": "unix:/a/b", "/a/b": "unix:/a/b", "unix:///a/b": "unix:/a/b", " host:1 ": "host:1",
            "a:1, /b ,c": "a:1,unix:/b,c:5672", "127.0.0.1:65535": "127.0.0.1:65535",
        }
        for text, shown in cases.items():
            with self.subTest(text):
                self.assertEqual(str(Address.parse(text)), shown)

    def test_what_is_none(self) -> None:
        for text in ("", " ", "host:", ":1", "host:0", "host:65536", "host:x", "http://host", "a b", "[::1", "[::1]x",
                     "unix:", "/" + "x" * 110, "a,,b", "a@b", "host:1:2", "[host]:1", "host:-1", "/a\0b", "x:١"):
            with self.subTest(text), self.assertRaises(ArgumentError) as caught:
                Address.parse(text)
            self.assertRegex(str(caught.exception), "address")
        with self.assertRaises(ArgumentError):
            NexusdClient(5)  # type: ignore[arg-type]

    def test_resolving(self) -> None:
        local = [(socket.AF_INET6, ("::1", 9, 0, 0)), (socket.AF_INET, ("127.0.0.1", 9))]
        self.assertEqual(Address.parse("localhost:9").resolve(), local)
        self.assertEqual(Address.parse("127.0.0.1:9").resolve(), local[1:])
        self.assertEqual(Address.parse("/a,localhost:9").resolve(), [(socket.AF_UNIX, "/a"), *local])
        with self.assertRaises(ConnectError):
            Address.parse("no-such-host.invalid").resolve()
        self.assertEqual(Address.parse("no-such-host.invalid,/a").resolve(), [(socket.AF_UNIX, "/a")])

    def test_defaults(self) -> None:
        self.assertEqual(str(Address.parse(None)), "localhost:5672")
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
            os.environ["XDG_RUNTIME_DIR"] = folder
            self.assertEqual(str(Address.parse(None)), "localhost:5672")
            path = os.path.join(folder, "nexusd.sock")
            listener.bind(path)
            found = Address.parse(None)
            self.assertEqual((str(found), found.resolve()), (f"unix:{path}", [(socket.AF_UNIX, path)]))
            os.environ["NEXUSD_ADDR"] = "  "
            self.assertEqual(str(Address.parse(None)), f"unix:{path}")
            os.environ["NEXUSD_ADDR"] = " host:7 "
            self.assertEqual(str(Address.parse(None)), "host:7")
            self.assertEqual(str(Address.parse("other")), "other:5672")
            os.environ["NEXUSD_ADDR"] = "http://x"
            with self.assertRaises(ArgumentError) as caught:
                NexusdClient()
            self.assertIn("NEXUSD_ADDR", str(caught.exception))


class Options(unittest.TestCase):
    def test_what_makes_no_sense(self) -> None:
        wrong: Any = [
            {"publish_buffer_bytes": 1000}, {"publish_buffer_bytes": 2 ** 31}, {"publish_buffer_bytes": True},
            {"connect_timeout": 0}, {"connect_timeout": "5"}, {"acknowledge_timeout": float("nan")},
            {"reconnect_min": 1, "reconnect_max": 0.5}, {"keep_alive": -1}, {"close_timeout": -0.1}, {"name": 5},
            {"token": "text"}, {"token": b"x" * 1025}, {"on_state": 5}, {"options": {}},
        ]
        for options in wrong:
            with self.subTest(options), self.assertRaises(ArgumentError):
                NexusdClient("x", **options)

    def test_options_as_an_object_with_some_beside_it(self) -> None:
        client = NexusdClient("x", options=ClientOptions(name="a", keep_alive=3), name="b")
        self.assertEqual((client._session.options.name, client._session.options.keep_alive), ("b", 3))
        names = [SubscribeOptions(overflow="drop_newest").overflow,  # type: ignore[arg-type]
                 SubscribeOptions(strategy="LOCAL-FIRST").strategy]  # type: ignore[arg-type]
        self.assertEqual([int(name or 0) for name in names], [1, 3])

    def test_the_client_s_name(self) -> None:
        from nexusd_client.handshake import opening

        def name(given: Optional[str]) -> bytes:
            return opening(ClientOptions(name=given), 0, 1)[8 + 8 + 3:]

        self.assertTrue(name("shop\0s").startswith(b"shops"))
        self.assertTrue(name("ü" * 100).startswith("ü".encode() * 64 + b"\x11"))
        self.assertIn(str(os.getpid()).encode(), name(None))


if __name__ == "__main__":
    unittest.main()
