"""Simulated traffic sensors: each posts falling speeds to the ingestion service until its road is congested.

Usage: simulated_sensors.py URL SENSORS     posts 12 readings for each of so many sensors to URL, in turn
"""

import json
import sys
import time
import urllib.request

SPEEDS = (38, 31, 24, 18, 14, 11, 9, 8, 7, 6, 5, 5)


def reading(sensor: int, speed: int) -> bytes:
    return json.dumps(
        {
            "sensor_id": f"s-{sensor}",
            "type": "traffic",
            "location": "downtown",
            "value": speed,
            "timestamp": int(time.time()),
            "intersection": f"crossing-{sensor}",
        }
    ).encode()


def main() -> None:
    if len(sys.argv) != 3 or not sys.argv[2].isdigit():
        sys.exit(__doc__)
    url, sensors = sys.argv[1], int(sys.argv[2])
    for speed in SPEEDS:
        for sensor in range(1, sensors + 1):
            request = urllib.request.Request(url, reading(sensor, speed), {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=30) as answer:
                answer.read()
    print(f"{sensors} sensors posted {len(SPEEDS)} readings each", flush=True)


if __name__ == "__main__":
    main()
