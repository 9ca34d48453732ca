"""Reads the traffic sensors of one zone and publishes an alert where the traffic slows down.

Topics: reads `sensors/traffic/<zone>/#`, publishes `alerts/congestion/<zone>/<sensor>`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from collections import deque
from datetime import datetime, timezone
from typing import Any, Deque, Dict, List, Optional

try:
    from nexusd_client import AsyncNexusdClient, Message
except ImportError:
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../clients/python/src"))
    from nexusd_client import AsyncNexusdClient, Message

try:
    from numpy import mean
except ImportError:
    from statistics import fmean as mean

WINDOW_SECONDS = 5 * 60
LEAST_VALUES = 10
# Bounds what one sensor can take: ten values a second over the whole window.
MOST_VALUES = 3000
MOST_SENSORS = 100_000


class CongestionDetector:
    """A rolling window of the speeds of each sensor."""

    def __init__(self, zone: str, address: Optional[str] = None) -> None:
        self.zone = zone
        # No event loop and no daemon is needed yet.
        self.client = AsyncNexusdClient(address)
        self.traffic_buffer: Dict[str, Deque[Dict[str, Any]]] = {}

    async def start(self) -> None:
        """Handles events until the task is cancelled."""
        subscription = self.client.subscribe([f"sensors/traffic/{self.zone}/#"])
        await subscription.ready
        print(f"watching sensors/traffic/{self.zone}/#", flush=True)
        async for msg in subscription:
            try:
                await self.process_traffic(msg)
            except (ValueError, KeyError, TypeError) as error:
                print(f"{msg.topic}: not a reading ({error!r})", file=sys.stderr, flush=True)

    async def process_traffic(self, msg: Message) -> None:
        """Takes a reading: `sensor_id`, `value` (km/h), `timestamp` (seconds since 1970), perhaps `intersection`."""
        data = json.loads(msg.payload)
        sensor_id = data["sensor_id"]
        values = self.remember(sensor_id, float(data["value"]), float(data["timestamp"]))

        # Simple threshold and rate of change.
        if len(values) < LEAST_VALUES:
            return
        avg_speed = float(mean(values))
        speed_drop = values[0] - values[-1]
        if avg_speed < 15 and speed_drop > 10:
            alert = {
                "sensor_id": sensor_id,
                "zone": self.zone,
                "intersection": data.get("intersection"),
                "severity": "high" if avg_speed < 10 else "medium",
                "timestamp": datetime.now(timezone.utc).isoformat(),
            }

            # Published while the subscription is read, over the same connection.
            await self.client.publish(
                topic=f"alerts/congestion/{self.zone}/{sensor_id}",
                payload=json.dumps(alert).encode(),
                content_type="application/json",
            )
            print(f"⚠ Congestion alert: {alert}", flush=True)

    def remember(self, sensor_id: str, value: float, timestamp: float) -> List[float]:
        """Adds a reading to the sensor's window; returns the speeds in it."""
        window = self.traffic_buffer.get(sensor_id)
        if window is None:
            if len(self.traffic_buffer) >= MOST_SENSORS:
                self.traffic_buffer.pop(next(iter(self.traffic_buffer)))
            window = self.traffic_buffer[sensor_id] = deque(maxlen=MOST_VALUES)
        window.append({"value": value, "timestamp": timestamp})
        cutoff = time.time() - WINDOW_SECONDS
        while window and window[0]["timestamp"] <= cutoff:
            window.popleft()
        return [reading["value"] for reading in window]


async def run(zone: str, address: Optional[str]) -> None:
    """Until SIGINT or SIGTERM."""
    detector = CongestionDetector(zone, address)
    task = asyncio.get_running_loop().create_task(detector.start())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        pass
    finally:
        await detector.client.close()


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zone", default="downtown")
    parser.add_argument("--addr", help="address of nexusd; else NEXUSD_ADDR counts")
    options = parser.parse_args()
    asyncio.run(run(options.zone, options.addr))


if __name__ == "__main__":
    main()
