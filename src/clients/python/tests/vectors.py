"""Reads the test vectors of the protocol (tests/vectors at the root of the repository)."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), *[".."] * 4))


def load(name: str) -> Dict[str, Any]:
    """One file of vectors."""
    with open(os.path.join(ROOT, "tests", "vectors", name), encoding="utf-8") as file:
        document: Dict[str, Any] = json.load(file)
        return document


def bytes_of(value: Any) -> bytes:
    """Hex digits, in which long stretches may be folded."""
    if isinstance(value, str):
        return bytes.fromhex(value)
    if isinstance(value, dict):
        return bytes.fromhex(value["repeat"]) * value["times"]
    return b"".join(bytes_of(part) for part in value)


def text_of(value: Any) -> str:
    """A text, which may be folded."""
    return value["repeat"] * value["times"] if isinstance(value, dict) else value


def app() -> List[Dict[str, Any]]:
    """The records of app-v1.json."""
    records: List[Dict[str, Any]] = load("app-v1.json")["vectors"]
    return records
