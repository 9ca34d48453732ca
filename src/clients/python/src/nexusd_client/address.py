"""Where a daemon listens. Reading an address does no I/O; :meth:`Address.resolve` may ask DNS."""

from __future__ import annotations

import ipaddress
import os
import socket
import stat
from typing import Any, List, NamedTuple, Optional, Tuple

from .errors import ArgumentError, ConnectError

DEFAULT_PORT = 5672
VARIABLE = "NEXUSD_ADDR"
SYSTEM_SOCKET = "/run/nexusd/nexusd.sock"

# sun_path holds 108 bytes on Linux, 104 on macOS, the closing zero included.
_MAX_PATH_BYTES = 103
_NOT_IN_HOST = set(" \t/\\@#?")
_FORMS = "is not 'host:port', '[::1]:port', 'unix:/path' or '/path'"


class EndPoint(NamedTuple):
    """One place to try: what ``socket.socket`` and ``connect`` take."""

    family: int
    target: Any


class Address:
    """One address or a list of them, of which the first that answers is used."""

    __slots__ = ("_parts",)

    def __init__(self, parts: List[Tuple[str, str, int]]) -> None:
        # (kind, host or path, port); kind is "default", "unix" or "tcp"
        self._parts = parts

    @classmethod
    def parse(cls, text: Optional[str]) -> "Address":
        """Reads an address; without one NEXUSD_ADDR counts, else the default places.

        Raises ArgumentError where the text has none of the forms.
        """
        if text is not None:
            if not isinstance(text, str):
                raise ArgumentError(f"The address is {text!r}; give a text such as 'localhost:5672'.")
            return cls([_parse_one(part.strip(), f"The address '{text}'") for part in text.split(",")])
        variable = os.environ.get(VARIABLE, "")
        if not variable.strip():
            return cls([("default", "", DEFAULT_PORT)])
        what = f"The environment variable {VARIABLE}='{variable}'"
        return cls([_parse_one(part.strip(), what) for part in variable.split(",")])

    def resolve(self) -> List[EndPoint]:
        """The places to try, in order. Raises ConnectError when no host name of the list is known."""
        found: List[EndPoint] = []
        failure: Optional[ConnectError] = None
        for part in self._parts:
            try:
                found.extend(_resolve_one(part))
            except ConnectError as error:
                failure = error
        if not found and failure is not None:
            raise failure
        return found

    def __str__(self) -> str:
        return ",".join(_show(part) for part in self._parts)


def _resolve_one(part: Tuple[str, str, int]) -> List[EndPoint]:
    kind, host, port = part
    if kind == "unix":
        return [EndPoint(socket.AF_UNIX, host)]
    if kind == "default":
        path = _default_socket()
        if path is not None:
            return [EndPoint(socket.AF_UNIX, path)]
        host = "localhost"
    if host.lower() == "localhost":
        return [EndPoint(socket.AF_INET6, ("::1", port, 0, 0)), EndPoint(socket.AF_INET, ("127.0.0.1", port))]
    try:
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConnectError(
            f"The host name '{host}' was not found ({error}): check the address (argument or {VARIABLE})."
        ) from error
    return [EndPoint(int(info[0]), info[4]) for info in infos]


def _show(part: Tuple[str, str, int]) -> str:
    kind, host, port = part
    if kind == "default":
        path = _default_socket()
        return f"unix:{path}" if path is not None else f"localhost:{port}"
    if kind == "unix":
        return f"unix:{host}"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _default_socket() -> Optional[str]:
    if _is_there(SYSTEM_SOCKET):
        return SYSTEM_SOCKET
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    path = os.path.join(runtime, "nexusd.sock") if runtime else ""
    return path if path and _is_there(path) else None


def _is_there(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def _parse_one(text: str, what: str) -> Tuple[str, str, int]:
    if text.startswith("unix:") or text.startswith("/"):
        path = text if text.startswith("/") else text[len("unix:"):]
        return _check_path(path[2:] if path.startswith("//") else path, what)
    if "://" in text:
        raise ArgumentError(f"{what} {_FORMS}: leave out what stands before '://'.")
    host, port = _split_port(text)
    if not host or any(c in _NOT_IN_HOST for c in host) or not _brackets_fit(text, host):
        raise ArgumentError(f"{what} {_FORMS}.")
    if port is None:
        return "tcp", host, DEFAULT_PORT
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):
        raise ArgumentError(f"{what} has the port '{port}'; a port is a number from 1 to 65535.")
    return "tcp", host, int(port)


def _brackets_fit(text: str, host: str) -> bool:
    if ":" not in host and not text.startswith("["):
        return "[" not in host and "]" not in host
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True


def _check_path(path: str, what: str) -> Tuple[str, str, int]:
    if not path or "\0" in path:
        raise ArgumentError(f"{what} names no socket: write unix:/path/to/nexusd.sock.")
    if len(os.fsencode(path)) > _MAX_PATH_BYTES:
        raise ArgumentError(f"{what} is too long for a Unix socket; at most {_MAX_PATH_BYTES} bytes are possible.")
    return "unix", path, 0


def _split_port(text: str) -> Tuple[str, Optional[str]]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            return "", None
        return host, rest[1:] if rest else None
    # Several colons without brackets: an IPv6 address, which has no port of its own.
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, port
    return text, None
