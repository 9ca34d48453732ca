"""The conformance agent of this client: lines of tests/conformance/README.md become calls, and back."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from typing import Any, Awaitable, Callable, Dict, List, Optional

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "src"))

from nexusd_client import AsyncNexusdClient, BufferFullError, Message, NexusdError, Subscription  # noqa: E402
from nexusd_client import ClosedError, SubscribeError, WaitTimeoutError  # noqa: E402

Line = Dict[str, Any]

_IN_MILLISECONDS = {
    "connect_timeout_ms", "acknowledge_timeout_ms", "close_timeout_ms", "reconnect_min_ms", "reconnect_max_ms",
    "keep_alive_ms",
}
_SUBSCRIBE_NAMES = {"keep_ms": "keep_for", "token": "resume_token"}


class Agent:
    """Clients and subscriptions by the names that the driver gave them."""

    def __init__(self) -> None:
        self.clients: Dict[str, AsyncNexusdClient] = {}
        self.subscriptions: Dict[str, Subscription] = {}
        self.logs: Dict[str, List[Line]] = {}
        self.running: Dict[Any, "asyncio.Task[None]"] = {}
        self.responders: List["asyncio.Task[None]"] = []

    def begin(self, command: Line) -> None:
        """Runs a command; its answer is written when it is done."""
        task = asyncio.get_running_loop().create_task(self._run(command))
        self.running[command.get("id")] = task

    async def _run(self, command: Line) -> None:
        answer: Line = {"id": command.get("id")}
        try:
            do: Optional[Callable[[Line], Awaitable[Optional[Line]]]] = getattr(self, "do_" + command["do"], None)
            if do is None:
                answer.update(error="unsupported", text=f"no command {command['do']}")
            else:
                answer.update({"ok": True, **(await do(command) or {})})
        except asyncio.CancelledError:
            answer = {"id": command.get("id"), "error": "cancelled", "text": "the command was cancelled"}
        except NexusdError as error:
            answer.update(error=error.kind, text=str(error))
            if error.code is not None:
                answer["code"] = error.code
        except Exception as error:
            answer.update(error="other", text=f"{type(error).__name__}: {error}")
        finally:
            self.running.pop(command.get("id"), None)
        print(json.dumps(answer), flush=True)

    async def do_new(self, c: Line) -> None:
        log: List[Line] = []
        options = {
            name[:-3] if name in _IN_MILLISECONDS else name: value / 1000 if name in _IN_MILLISECONDS else value
            for name, value in c.get("options", {}).items()
        }
        client = AsyncNexusdClient(
            c.get("address"),
            on_state=lambda s: log.append({"kind": "state", "state": s.state, "text": str(s.error or "")}),
            on_gap=lambda g: log.append({
                "kind": "gap", "filters": list(g.filters), "publisher": str(g.publisher), "from": str(g.first),
                "to": str(g.last), "count": str(g.count), "reason": g.reason, "node": g.node,
            }),
            on_publish_loss=lambda g: log.append({
                "kind": "publish_loss", "from": str(g.first), "to": str(g.last), "count": str(g.count),
                "reason": g.reason, "node": g.node,
            }),
            on_notice=lambda n: log.append({"kind": "notice", "code": n.code, "text": n.text}),
            **options,
        )
        self.clients[c["client"]] = client
        self.logs[c["client"]] = log

    async def do_wait_ready(self, c: Line) -> None:
        await self.clients[c["client"]].wait_ready(c["timeout_ms"] / 1000)

    async def do_state(self, c: Line) -> Line:
        return {"state": self.clients[c["client"]].state}

    async def do_publish(self, c: Line) -> Optional[Line]:
        payload = b"x" * c["size"] if "size" in c else c.get("payload", "").encode()
        correlation = c.get("correlation_id")
        handle = self.clients[c["client"]].publish(
            topic=c["topic"], payload=payload, retain=bool(c.get("retain")), ttl_ms=c.get("ttl_ms"),
            priority=c.get("priority"), content_type=c.get("content_type"), headers=c.get("headers"),
            correlation_id=None if correlation is None else correlation.encode(), reply_topic=c.get("reply_topic"),
        )
        if not c.get("ack"):
            return None
        result = await handle
        return {"local": result.local, "peers": result.peers, "number": result.number}

    async def do_publish_numbers(self, c: Line) -> Line:
        client, topic, size = self.clients[c["client"]], c["topic"], c.get("size", 0)
        for number in range(c["from"], c["from"] + c["count"]):
            payload = str(number).encode().ljust(size)
            try:
                client.publish(topic, payload)
            except BufferFullError:
                # The call that waits while the daemon is there.
                await client.publish_many(topic, [payload])
            if number % 256 == 0:
                await asyncio.sleep(0)
        return {"published": c["count"]}

    async def do_publish_many(self, c: Line) -> Line:
        client, topic, size = self.clients[c["client"]], c["topic"], c.get("size", 0)
        end = c["from"] + c["count"]
        for start in range(c["from"], end, 1000):
            numbers = range(start, min(start + 1000, end))
            await client.publish_many(topic, [str(number).encode().ljust(size) for number in numbers])
        return {"published": c["count"]}

    async def do_flush(self, c: Line) -> None:
        timeout = c.get("timeout_ms")
        await self.clients[c["client"]].flush(None if timeout is None else timeout / 1000)

    async def do_subscribe(self, c: Line) -> None:
        options = {_SUBSCRIBE_NAMES.get(name, name): value for name, value in c.get("options", {}).items()}
        if "keep_for" in options:
            options["keep_for"] /= 1000
        subscription = self.clients[c["client"]].subscribe(c["filters"], **options)
        try:
            await subscription.ready
        except BaseException:
            subscription.close()
            raise
        self.subscriptions[c["sub"]] = subscription

    async def do_read(self, c: Line) -> Line:
        messages: List[Message] = []
        ended = await self._read(c, messages.append)
        return {"messages": [show(message) for message in messages], "ended": ended}

    async def do_read_numbers(self, c: Line) -> Line:
        numbers: List[int] = []
        replayed: List[bool] = []

        def take(message: Message) -> None:
            numbers.append(int(message.payload))
            replayed.append(message.is_replayed)

        await self._read(c, take)
        return {
            "count": len(numbers), "first": numbers[0] if numbers else 0, "last": numbers[-1] if numbers else 0,
            "ordered": all(a < b for a, b in zip(numbers, numbers[1:])),
            "duplicates": len(numbers) - len(set(numbers)), "sum": sum(numbers), "replayed": sum(replayed),
        }

    async def _read(self, c: Line, take: Callable[[Message], None]) -> bool:
        subscription = self.subscriptions[c["sub"]]
        loop = asyncio.get_running_loop()
        until = loop.time() + c["timeout_ms"] / 1000
        for i in range(c["count"]):
            try:
                take(await subscription.get_async(max(0.0, until - loop.time())))
            except WaitTimeoutError:
                return False
            except ClosedError:
                return True
            except SubscribeError:
                # What came before is answered first; the next read gets the error.
                if i == 0:
                    raise
                return True
            if i % 256 == 255:
                await asyncio.sleep(0)
        return False

    async def do_token(self, c: Line) -> Line:
        return {"token": self.subscriptions[c["sub"]].resume_token}

    async def do_pause(self, c: Line) -> None:
        await self.subscriptions[c["sub"]].pause(c["limit_ms"] / 1000)

    async def do_resume(self, c: Line) -> None:
        await self.subscriptions[c["sub"]].resume()

    async def do_unsubscribe(self, c: Line) -> None:
        self.subscriptions.pop(c["sub"]).close()

    async def do_request(self, c: Line) -> Line:
        client = self.clients[c["client"]]
        timeout = c["timeout_ms"] / 1000 if "timeout_ms" in c else 5.0
        return {"message": show(await client.request(c["topic"], c["payload"].encode(), timeout))}

    async def do_respond(self, c: Line) -> None:
        client = self.clients[c["client"]]
        subscription = client.subscribe([c["filter"]])
        await subscription.ready

        async def respond() -> None:
            async for message in subscription:
                await client.reply(message, b"re:" + message.payload)

        self.responders.append(asyncio.get_running_loop().create_task(respond()))

    async def do_log(self, c: Line) -> Line:
        log = self.logs[c["client"]]
        entries = log[:]
        del log[:len(entries)]
        return {"entries": entries}

    async def do_statistics(self, c: Line) -> Line:
        s = self.clients[c["client"]].statistics
        return {
            "published": s.published, "received": s.received, "in_doubt": s.in_doubt, "connections": s.connections,
            "buffered_bytes": s.buffered_bytes,
        }

    async def do_cancel(self, c: Line) -> None:
        task = self.running.get(c["target"])
        if task is not None:
            task.cancel()

    async def do_close(self, c: Line) -> None:
        await self.clients[c["client"]].close()

    async def do_query(self, c: Line) -> Line:
        return {"json": json.dumps(await self.clients[c["client"]].query(c["what"]))}


def show(message: Message) -> Line:
    """A message as the driver reads it."""
    shown: Line = {
        "topic": message.topic, "size": len(message.payload), "publisher": str(message.publisher),
        "number": str(message.number), "priority": message.priority.name.lower(), "retained": message.is_retained,
        "replayed": message.is_replayed,
    }
    if len(message.payload) <= 4096:
        shown["payload"] = message.payload.decode("utf-8", "replace")
    if message.content_type is not None:
        shown["content_type"] = message.content_type
    if message.correlation_id is not None:
        shown["correlation_id"] = message.correlation_id.decode("utf-8", "replace")
    if message.headers:
        shown["headers"] = {key: value.decode("utf-8", "replace") for key, value in message.headers.items()}
    if message.ttl_ms is not None:
        shown["ttl_ms"] = message.ttl_ms
    if message.reply_topic is not None:
        shown["reply_topic"] = message.reply_topic
    return shown


async def main() -> None:
    """Reads commands until the input ends."""
    agent = Agent()
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def read() -> None:
        for line in sys.stdin:
            if line.strip():
                loop.call_soon_threadsafe(agent.begin, json.loads(line))
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=read, daemon=True).start()
    await ended.wait()
    for task in [*agent.running.values(), *agent.responders]:
        task.cancel()
    await asyncio.gather(*(client.close(0.5) for client in agent.clients.values()))


if __name__ == "__main__":
    asyncio.run(main())
