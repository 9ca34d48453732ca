"""The Python client of nexusd: publish and subscribe through the daemon beside your process.

::

    from nexusd_client import NexusdClient

    client = NexusdClient("localhost:5672")
    client.publish(topic="greetings/world", payload=b"hello")
    for message in client.subscribe(["greetings/#"]):
        print(message.topic, message.payload)
"""

from .async_client import AsyncNexusdClient
from .client import NexusdClient
from .codes import Overflow, Priority, Strategy
from .errors import (
    ArgumentError,
    BufferFullError,
    ClosedError,
    ConnectError,
    NexusdError,
    NoResponderError,
    PublishError,
    QueryError,
    SubscribeError,
    WaitTimeoutError,
)
from .handle import PublishHandle, PublishResult
from .message import Message, MessageBatch, ReceivedRun
from .options import (
    ClientOptions,
    DaemonInfo,
    Gap,
    Notice,
    PublishLoss,
    StateChange,
    Statistics,
    SubscribeOptions,
)
from .subscription import Subscription
from .version import __version__

__all__ = [
    "ArgumentError",
    "AsyncNexusdClient",
    "BufferFullError",
    "ClientOptions",
    "ClosedError",
    "ConnectError",
    "DaemonInfo",
    "Gap",
    "Message",
    "MessageBatch",
    "NexusdClient",
    "NexusdError",
    "NoResponderError",
    "Notice",
    "Overflow",
    "Priority",
    "PublishError",
    "PublishHandle",
    "PublishLoss",
    "PublishResult",
    "QueryError",
    "ReceivedRun",
    "StateChange",
    "Statistics",
    "Strategy",
    "SubscribeError",
    "SubscribeOptions",
    "Subscription",
    "WaitTimeoutError",
    "__version__",
]
