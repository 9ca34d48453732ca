"""How fast this client is: events of 100 bytes, published one by one, in batches, and received.

    python3 bench.py [--addr ADDRESS] [--seconds 3]

Without an address a daemon is started from NEXUSD_BIN_DIR. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Iterator, List, Optional

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "src"))

from nexusd_client import NexusdClient  # noqa: E402

PAYLOAD = b"x" * 100
BATCH = 1000


def publish_one_by_one(client: NexusdClient, seconds: float) -> float:
    """Events a second, until the daemon has taken all of them."""
    publish = client.publish
    count = 0
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        for _ in range(BATCH):
            publish(topic="bench/one", payload=PAYLOAD)
        count += BATCH
    client.flush()
    return count / (time.perf_counter() - start)


def publish_many(client: NexusdClient, seconds: float) -> float:
    """The same with the batch call."""
    payloads = [PAYLOAD] * BATCH
    count = 0
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        client.publish_many("bench/many", payloads)
        count += BATCH
    client.flush()
    return count / (time.perf_counter() - start)


def receive(client: NexusdClient, address: str, seconds: float, read: str) -> float:
    """Events a second that arrive while another process publishes as fast as it can."""
    subscription = client.subscribe(["bench/receive"])
    subscription.ready.result(10)
    arguments = [sys.executable, os.path.abspath(__file__), "--addr", address, "--seconds", str(seconds + 1)]
    publisher = subprocess.Popen([*arguments, "--publisher"])
    count = 0
    start: Optional[float] = None
    try:
        for size in _sizes(subscription, read):
            now = time.perf_counter()
            start = now if start is None else start
            count += size
            if now - start >= seconds:
                break
        return count / (time.perf_counter() - (start or 0))
    finally:
        publisher.kill()
        publisher.wait()
        subscription.close()


def _sizes(subscription: "object", read: str) -> Iterator[int]:
    if read == "payloads":
        for batch in subscription.batches():  # type: ignore[attr-defined]
            yield len(batch.payloads())
    else:
        seen = 0
        for message in subscription:  # type: ignore[attr-defined]
            if not message.payload:
                raise SystemExit("an event without its payload")
            seen += 1
            if seen == BATCH:
                yield seen
                seen = 0


def publish_forever(client: NexusdClient, seconds: float) -> None:
    """The other process of the receiving part."""
    payloads = [PAYLOAD] * BATCH
    end = time.perf_counter() + seconds + 30
    while time.perf_counter() < end:
        client.publish_many("bench/receive", payloads)


def start_daemon(folder: str) -> "subprocess.Popen[str]":
    """A daemon of our own."""
    binary = os.path.join(os.environ.get("NEXUSD_BIN_DIR", ""), "nexusd")
    arguments: List[str] = [
        binary, f"--app-socket={folder}/s", "--app-port=off", "--health-port=off", "--mesh-port=0",
        "--discovery=static", "--log-level=ERROR",
    ]
    daemon = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert daemon.stdout is not None
    if "ready" not in daemon.stdout.readline():
        raise SystemExit(f"{binary} did not start")
    return daemon


def run(address: str, seconds: float) -> None:
    """All parts, one after the other."""
    with NexusdClient(address) as client:
        client.wait_ready(10)
        result = {
            "language": "python",
            "publish_per_second": round(publish_one_by_one(client, seconds)),
            "publish_many_per_second": round(publish_many(client, seconds)),
            "receive_per_second": round(receive(client, address, seconds, "payloads")),
            "receive_messages_per_second": round(receive(client, address, seconds, "messages")),
        }
    print(json.dumps(result))


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--addr")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--publisher", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.publisher:
        publish_forever(NexusdClient(options.addr), options.seconds)
        return
    if options.addr:
        run(options.addr, options.seconds)
        return
    with tempfile.TemporaryDirectory(prefix="nexusd-") as folder:
        daemon = start_daemon(folder)
        try:
            run(f"unix:{folder}/s", options.seconds)
        finally:
            daemon.terminate()
            daemon.wait()


if __name__ == "__main__":
    main()
