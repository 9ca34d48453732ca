"""An order service: takes orders over HTTP, publishes `orders/created`, and reserves the items.

With FastAPI and uvicorn installed it is a FastAPI application; else the few lines of `tiny_http` stand in for them.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import sys
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Dict, List, Optional

try:
    import nexusd_client
except ImportError:
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../clients/python/src"))
    import nexusd_client

try:
    from fastapi import FastAPI
except ImportError:
    from tiny_http import FastAPI

app = FastAPI()

# Made at module level: it does no I/O until it is used, and finds the daemon by NEXUSD_ADDR.
client = nexusd_client.NexusdClient()
tasks: List["asyncio.Task[None]"] = []


@dataclass
class OrderRequest:
    """The body of POST /orders."""

    customer_id: str
    items: List[Dict[str, Any]]
    total: float


class Database:
    """Stands in for one."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.stock: Dict[str, int] = {}

    async def create_order(self, order: OrderRequest) -> str:
        """Keeps the order; returns its id."""
        return f"o-{next(self._numbers)}"

    async def reserve(self, items: List[Dict[str, Any]]) -> None:
        """Takes the items out of the stock."""
        for item in items:
            self.stock[item["sku"]] = self.stock.get(item["sku"], 100) - item.get("quantity", 1)


db = Database()


@app.post("/orders")
async def create_order(order: OrderRequest) -> Dict[str, Any]:
    """Creates an order and tells everybody who wants to know."""
    order_id = await db.create_order(order)
    event = {
        "order_id": order_id,
        "customer_id": order.customer_id,
        "items": order.items,
        "total": order.total,
        "timestamp": datetime.now(timezone.utc).isoformat(),
    }

    # Not awaited: goes into the publish buffer and does not hold up the event loop.
    client.publish(
        topic="orders/created",
        payload=json.dumps(event).encode(),
        content_type="application/json",
    )
    return {"order_id": order_id, "status": "processing"}


@app.get("/healthz")
async def healthz() -> Dict[str, Any]:
    """Whether the daemon is there."""
    return {"nexusd": client.state}


async def reserve_inventory() -> None:
    """The inventory service. Of all its replicas in the mesh, one gets each order."""
    async for message in client.subscribe(["$share/inventory/orders/created"]):
        event = json.loads(message.payload)
        await db.reserve(event["items"])
        print(f"reserved {len(event['items'])} items of order {event['order_id']}", flush=True)


@app.on_event("startup")
async def start_inventory() -> None:
    """As a task: an endless loop in a start-up handler would keep the server from starting."""
    tasks.append(asyncio.get_running_loop().create_task(reserve_inventory()))


@app.on_event("shutdown")
async def stop() -> None:
    """Sends what is buffered."""
    for task in tasks:
        task.cancel()
    await client.aclose()


def main(arguments: Optional[List[str]] = None) -> None:
    """Serves HTTP."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080, help="0: any free port")
    options = parser.parse_args(arguments)
    try:
        import uvicorn
    except ImportError:
        import tiny_http as uvicorn  # type: ignore[no-redef]
    uvicorn.run(app, host=options.host, port=options.port)


if __name__ == "__main__":
    main()
