"""Numbers of the protocol and their names (docs/protocol/README.md)."""

from __future__ import annotations

from enum import IntEnum
from typing import Dict

MALFORMED = 2
FRAME_TOO_LARGE = 3
PAYLOAD_TOO_LARGE = 4
BAD_TOPIC = 6
BAD_FILTER = 7
UNSUPPORTED_VERSION = 8
UNAUTHENTICATED = 14
FORBIDDEN = 15
SHUTTING_DOWN = 19
UNKNOWN_QUERY = 21
OVER_LIMIT = 22
KEEP_OVER = 26

_ERROR_NAMES: Dict[int, str] = {
    0: "none",
    1: "bad_greeting",
    2: "malformed",
    3: "frame_too_large",
    4: "payload_too_large",
    5: "unknown_alias",
    6: "bad_topic",
    7: "bad_filter",
    8: "unsupported_version",
    9: "out_of_order",
    10: "too_many_subscriptions",
    11: "subscription_in_use",
    12: "unknown_subscription",
    13: "too_many_sessions",
    14: "unauthenticated",
    15: "forbidden",
    16: "wrong_cluster",
    17: "duplicate_link",
    18: "self_link",
    19: "shutting_down",
    20: "idle",
    21: "unknown_query",
    22: "over_limit",
    23: "internal",
    24: "out_of_memory",
    26: "keep_over",
    27: "taken_over",
}

_REASON_NAMES: Dict[int, str] = {
    1: "queue_full",
    2: "link_full",
    3: "expired",
    4: "link_lost",
    5: "too_large",
    6: "duplicate",
    7: "block_timeout",
    8: "conflated",
    9: "memory",
    10: "no_member",
    11: "session_closed",
    12: "link_down",
    13: "missed",
}


def error_name(code: int) -> str:
    """Name of an error code; ``error_N`` for one of a later version."""
    return _ERROR_NAMES.get(code, f"error_{code}")


def reason_name(code: int) -> str:
    """Name of a drop reason; ``reason_N`` for one of a later version."""
    return _REASON_NAMES.get(code, f"reason_{code}")


class Priority(IntEnum):
    """What overtakes what in the queues of the daemons: high before normal before low."""

    NORMAL = 0
    HIGH = 1
    LOW = 2


class Overflow(IntEnum):
    """What a full queue of a subscription does in the daemon."""

    DROP_OLDEST = 0
    DROP_NEWEST = 1
    BLOCK = 2
    CONFLATE = 3


class Strategy(IntEnum):
    """Which member of a group gets an event (docs/protocol/topics.md, "Groups")."""

    STICKY = 0
    ROUND_ROBIN = 1
    LEAST_PENDING = 2
    LOCAL_FIRST = 3
