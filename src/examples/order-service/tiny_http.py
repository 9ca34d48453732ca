"""As much of FastAPI and uvicorn as the example needs, on asyncio alone. Not for production."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import json
import signal
import typing
from typing import Any, Awaitable, Callable, Dict, List, Tuple

MAX_BODY_BYTES = 1 << 20

Handler = Callable[..., Awaitable[Any]]


class FastAPI:
    """Handlers by method and path; bodies are JSON for the one dataclass that a handler takes."""

    def __init__(self) -> None:
        self.routes: Dict[Tuple[str, str], Handler] = {}
        self.events: Dict[str, List[Handler]] = {"startup": [], "shutdown": []}

    def post(self, path: str) -> Callable[[Handler], Handler]:
        """A handler for POST."""
        return lambda handler: self.routes.setdefault(("POST", path), handler)

    def get(self, path: str) -> Callable[[Handler], Handler]:
        """A handler for GET."""
        return lambda handler: self.routes.setdefault(("GET", path), handler)

    def on_event(self, name: str) -> Callable[[Handler], Handler]:
        """A handler that is called before the first request or after the last."""

        def add(handler: Handler) -> Handler:
            self.events[name].append(handler)
            return handler

        return add

    async def call(self, method: str, path: str, body: bytes) -> Tuple[str, Any]:
        """Status line and document of a request."""
        handler = self.routes.get((method, path))
        if handler is None:
            return "404 Not Found", {"detail": "Not Found"}
        arguments = []
        try:
            hints = typing.get_type_hints(handler)
            for name in inspect.signature(handler).parameters:
                fields = {field.name for field in dataclasses.fields(hints[name])}
                given = json.loads(body)
                arguments.append(hints[name](**{key: value for key, value in given.items() if key in fields}))
        except (ValueError, TypeError, AttributeError) as error:
            return "422 Unprocessable Entity", {"detail": str(error)}
        return "200 OK", await handler(*arguments)


def run(app: FastAPI, host: str, port: int) -> None:
    """Serves until SIGINT or SIGTERM."""
    asyncio.run(_serve(app, host, port))


async def _serve(app: FastAPI, host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _answer(app, reader, writer)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connection, host, port)
    for handler in app.events["startup"]:
        await handler()
    print(f"listening on http://{host}:{server.sockets[0].getsockname()[1]}", flush=True)
    await stop.wait()
    server.close()
    for handler in app.events["shutdown"]:
        await handler()


async def _answer(app: FastAPI, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ", 2)
    headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in head[1:])}
    length = int(headers.get("content-length", "0"))
    if length > MAX_BODY_BYTES:
        status, document = "413 Payload Too Large", {"detail": "too large"}
    else:
        status, document = await app.call(method, path, await reader.readexactly(length))
    body = json.dumps(document).encode()
    fields = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    writer.write(f"HTTP/1.1 {status}\r\n{fields}\r\n".encode() + body)
    await writer.drain()
