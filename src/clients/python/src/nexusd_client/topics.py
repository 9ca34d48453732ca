"""Topic names and filters (docs/protocol/topics.md)."""

from __future__ import annotations

from typing import Optional, Tuple

MAX_BYTES = 1024
MAX_LEVELS = 64
MAX_GROUP_BYTES = 64
SHARE = "$share/"
REPLY = "$reply/"

_TEXTS = {
    "empty": "it is empty; a topic has 1 to 1024 bytes.",
    "too_long": "it is longer than 1024 bytes.",
    "too_many_levels": "it has more than 64 levels.",
    "invalid_utf8": "it is no valid UTF-8 text.",
    "contains_nul": "it holds a NUL character; leave it out.",
    "wildcard_in_name": "the name of a topic holds no '*', '+' or '#'; wildcards stand in filters only.",
    "wildcard_inside_level": "a wildcard stands alone in its level: write 'a/*/b', not 'a*/b'.",
    "multi_level_not_last": "'#' may only be the last level.",
    "reserved_prefix": "'$share' must be followed by a group and a filter: '$share/<group>/<filter>'.",
    "bad_group": "the name of a group has 1 to 64 bytes without '/', '+', '*', '#' and NUL.",
}


def describe(reason: str) -> str:
    """A sentence that says what is wrong and what to do."""
    return _TEXTS[reason]


def encode(text: str) -> Optional[bytes]:
    """UTF-8 of a text; ``None`` where it has none (lone surrogates)."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return None


def _check_text(utf8: bytes) -> Optional[str]:
    if not utf8:
        return "empty"
    if len(utf8) > MAX_BYTES:
        return "too_long"
    try:
        utf8.decode("utf-8")
    except UnicodeDecodeError:
        return "invalid_utf8"
    if 0 in utf8:
        return "contains_nul"
    if utf8.count(b"/") >= MAX_LEVELS:
        return "too_many_levels"
    return None


def check_name(utf8: bytes) -> Optional[str]:
    """Why this is no topic name; ``None`` where it is one."""
    reason = _check_text(utf8)
    if reason is None and (b"*" in utf8 or b"+" in utf8 or b"#" in utf8):
        return "wildcard_in_name"
    return reason


def is_reserved(name: str) -> bool:
    """Whether the name belongs to the system, so that applications may not publish to it."""
    return name.startswith("$") and not name.startswith(REPLY)


def parse_filter(utf8: bytes) -> Tuple[Optional[str], str]:
    """Why this is no plain filter (``None``: it is one), and its canonical spelling."""
    reason = _check_text(utf8)
    if reason is not None:
        return reason, ""
    levels = utf8.decode("utf-8").split("/")
    if levels[0] == "$share":
        return "reserved_prefix", ""
    last = len(levels) - 1
    for i, level in enumerate(levels):
        if level == "+":
            levels[i] = "*"
        elif level in ("#", "**"):
            if i != last:
                return "multi_level_not_last", ""
            levels[i] = "#"
        elif level != "*" and ("*" in level or "+" in level or "#" in level):
            return "wildcard_inside_level", ""
    return None, "/".join(levels)


def is_group(utf8: bytes) -> bool:
    """Whether the filter asks for a share of a group."""
    return utf8 == b"$share" or utf8.startswith(b"$share/")


def parse_group(utf8: bytes) -> Tuple[Optional[str], str, str]:
    """Why this is no filter of a group (``None``: it is one), the group, and the canonical filter behind it."""
    reason = _check_text(utf8)
    if reason is not None:
        return reason, "", ""
    parts = utf8.decode("utf-8").split("/", 2)
    if len(parts) < 3:
        return "bad_group", "", ""
    group = parts[1]
    if not group or len(group.encode("utf-8")) > MAX_GROUP_BYTES or any(c in group for c in "+*#"):
        return "bad_group", "", ""
    reason, canonical = parse_filter(parts[2].encode("utf-8"))
    return reason, group, canonical


def check_any_filter(utf8: bytes) -> Optional[str]:
    """Why a subscription cannot have this filter, plain or of a group; ``None`` where it can."""
    if is_group(utf8):
        return parse_group(utf8)[0]
    return parse_filter(utf8)[0]
