"""The wire as bytes: what a client reads and writes, as tests/vectors/app-v1.json has it."""

from __future__ import annotations

import unittest
from typing import Any, Callable, Dict, List, Optional

from nexusd_client import codes, properties, wire_in, wire_out
from nexusd_client.codes import Overflow, Priority, Strategy
from nexusd_client.properties import EventProperties, Malformed
from tests.vectors import app, bytes_of, text_of

Fields = Dict[str, Any]


def show_properties(props: EventProperties, raw: bytes) -> Fields:
    shown: Fields = {}
    if props.topic is not None:
        shown["topic"] = props.topic.decode()
    if props.content_type is not None:
        shown["content_type"] = props.content_type
    if props.correlation_id is not None:
        shown["correlation_id_hex"] = props.correlation_id.hex()
    if props.headers:
        shown["headers"] = [{"key": key, "value_hex": value.hex()} for key, value in props.headers.items()]
    if props.ttl_ms is not None:
        shown["ttl_ms"] = props.ttl_ms
    if props.priority != Priority.NORMAL:
        shown["priority"] = props.priority.name.lower()
    if props.reply_topic is not None:
        shown["reply_topic"] = props.reply_topic
    return shown


def read_topic(frame: bytes, limits: Fields) -> Fields:
    alias, topic = wire_in.topic(frame)
    return {"alias": alias, "topic": topic}


def read_welcome(frame: bytes, limits: Fields) -> Fields:
    fields = wire_in.welcome(frame)._asdict()
    fields["node_id_hex"] = fields.pop("node_id").hex()
    for name in ("publisher_id", "next_number"):
        fields[name] = str(fields[name])
    return fields


def read_deliver(frame: bytes, limits: Fields) -> Fields:
    deliver = wire_in.deliver(frame, {}, limits.get("max_payload", 0xFFFFFFFF))
    fields: Fields = {
        "retain": bool(deliver.flags & wire_in.RETAIN), "retained": bool(deliver.flags & wire_in.RETAINED),
        "subscription": deliver.subscription, "publisher": str(deliver.publisher), "number": str(deliver.number),
        "timestamp": str(deliver.timestamp), "alias": deliver.alias, "event_count": deliver.count,
        "properties": show_properties(deliver.properties, frame),
        "payloads_hex": [p.hex() for p in wire_in.split_run(deliver.body, deliver.count)],
    }
    if deliver.flags & wire_in.REPLAYED:
        fields["replayed"] = True
    return fields


def read_ack(frame: bytes, limits: Fields) -> Fields:
    ack = wire_in.ack(frame)
    return {"code": codes.error_name(ack.code), "number": str(ack.number), "count": ack.count, "local": ack.local,
            "peers": ack.peers}


def read_loss(frame: bytes, limits: Fields) -> Fields:
    loss = wire_in.loss(frame)
    return {"reason": codes.reason_name(loss.reason), "subscription": loss.subscription,
            "publisher": str(loss.publisher), "from": str(loss.first), "to": str(loss.last),
            "count": str(loss.count), "where": loss.where}


def read_answer(frame: bytes, limits: Fields) -> Fields:
    answer = wire_in.answer(frame)
    return {"code": codes.error_name(answer.code), "subscription": answer.reference, "text": answer.text}


def read_subscribed(frame: bytes, limits: Fields) -> Fields:
    answer = wire_in.subscribed(frame)
    fields: Fields = {
        "code": codes.error_name(answer.code), "subscription": answer.reference, "text": answer.text,
        "keep_ms": answer.keep_ms, "token_hex": answer.token.hex(), "taken_over": answer.taken_over,
    }
    if answer.position is not None:
        fields["position_runs"], fields["position_gaps"] = map(str, answer.position)
    return fields


def read_result(frame: bytes, limits: Fields) -> Fields:
    result = wire_in.result(frame)
    return {"code": codes.error_name(result.code), "request": result.reference, "text": result.text}


def read_fault(frame: bytes, limits: Fields) -> Fields:
    fault = wire_in.fault(frame)
    return {"code": codes.error_name(fault.code), "closes": fault.closes, "reference": str(fault.reference),
            "text": fault.text}


READERS: Dict[str, Callable[[bytes, Fields], Fields]] = {
    "topic": read_topic,
    "welcome": read_welcome,
    "deliver": read_deliver,
    "ack": read_ack,
    "gap": read_loss,
    "notice": read_loss,
    "subscribed": read_subscribed,
    "subscribed_kept": read_subscribed,
    "paused": read_answer,
    "unsubscribed": read_answer,
    "result": read_result,
    "error": read_fault,
    "goaway": read_fault,
    "ping": lambda frame, limits: {"opaque": str(wire_in.ping(frame))},
    "pong": lambda frame, limits: {"opaque": str(wire_in.ping(frame))},
    "daemon_greeting": lambda frame, limits: {"version": wire_in.daemon_greeting(frame)},
}


def write_hello(f: Fields) -> bytes:
    return wire_out.hello(
        text_of(f["client_name"]).encode(), text_of(f["client_library"]).encode(), int(f["publisher_id"]),
        int(f["next_number"]), f["max_aliases"], f["max_frame"], bytes.fromhex(f["token_hex"]),
    )


def write_publish(f: Fields) -> bytes:
    p = f["properties"]
    headers = {text_of(h["key"]): bytes_of(h["value_hex"]) for h in p.get("headers", [])}
    props = properties.encode(
        text_of(p["content_type"]) if "content_type" in p else None,
        bytes_of(p["correlation_id_hex"]) if "correlation_id_hex" in p else None,
        headers, p.get("ttl_ms"), Priority[p.get("priority", "normal").upper()],
        text_of(p["reply_topic"]) if "reply_topic" in p else None,
    )
    if "topic" in p:
        props = properties.pack(properties.TOPIC, text_of(p["topic"]).encode()) + props
    flags = (wire_out.RETAIN if f["retain"] else 0) | (wire_out.ACKNOWLEDGE if f["acknowledge"] else 0)
    return wire_out.publish([bytes_of(h) for h in f["payloads_hex"]], flags, props, f["alias"])


def named(kind: Any, value: Optional[str]) -> Any:
    return None if value is None else kind[value.upper().replace("-", "_")]


def write_subscribe(f: Fields) -> bytes:
    resume = None
    if "resume_since" in f:
        resume = wire_out.resume(int(f["resume_since"]), [
            wire_out.ResumeEntry(int(e["publisher"]), int(e["number"]), int(e["timestamp"]), e["priority"])
            for e in f["resume"]
        ])
    return wire_out.subscribe(
        f["subscription"], [text_of(t).encode() for t in f["filters"]], f["credit"], f["queue_events"],
        f["queue_bytes"], f["no_retained"], named(Overflow, f.get("overflow")), f.get("block_timeout_ms"),
        named(Strategy, f.get("strategy")), resume, f.get("keep_ms"), bytes.fromhex(f.get("token_hex", "")),
        wire_out.Position(int(f["position_runs"]), int(f["position_gaps"])) if "position_runs" in f else None,
    )


WRITERS: Dict[str, Callable[[Fields], bytes]] = {
    "hello": write_hello,
    "topic": lambda f: wire_out.topic(f["alias"], text_of(f["topic"]).encode()),
    "publish": write_publish,
    "subscribe": write_subscribe,
    "subscribe_kept": write_subscribe,
    "pause": lambda f: wire_out.pause(f["subscription"], f["milliseconds"]),
    "unsubscribe": lambda f: wire_out.unsubscribe(f["subscription"]),
    "credit": lambda f: wire_out.credit(f["subscription"], f["bytes"]),
    "ping": lambda f: wire_out.ping(int(f["opaque"])),
    "pong": lambda f: wire_out.pong(int(f["opaque"])),
    "query": lambda f: wire_out.query(f["request"], f["text"].encode()),
    "bye": lambda f: wire_out.BYE,
    "client_greeting": lambda f: wire_out.client_greeting(f["min"], f["max"]),
}


def unfold(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"repeat", "times"}:
        return value["repeat"] * value["times"]
    if isinstance(value, dict):
        return {key: unfold(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [unfold(inner) for inner in value]
    return value


class WireVectors(unittest.TestCase):
    def read(self, record: Fields) -> Fields:
        data = bytes_of(record["hex"])
        limits = record.get("limits", {})
        if record["kind"] not in ("frame", "daemon_greeting"):
            self.assertEqual(list(wire_in.split_frames(data, 0, len(data))), [(0, len(data))])
        if record["kind"] == "frame":
            frames = list(wire_in.split_frames(data, 0, len(data), limits.get("max_frame", 4_260_096)))
            self.assertEqual(frames, [(0, len(data))])
            return {"kind": data[4], "skipped": True}
        return READERS[record["kind"]](data, limits)

    def test_reads_what_daemons_send(self) -> None:
        seen = 0
        for record in app():
            if record["kind"] not in READERS and record["kind"] != "frame":
                continue
            seen += 1
            with self.subTest(record["id"]):
                if "error" in record:
                    with self.assertRaises(Malformed) as caught:
                        self.read(record)
                    self.assertEqual(caught.exception.name, record["error"])
                    continue
                got = self.read(record)
                for name, value in unfold(record["fields"]).items():
                    if name == "payloads_hex":
                        value = [bytes_of(hex_digits).hex() for hex_digits in value]
                    if name == "properties":
                        value = {k: v for k, v in value.items() if v != "normal"}
                        got[name] = {k: got[name][k] for k in value if k in got[name]} \
                            if record.get("decode_only") else got[name]
                    self.assertEqual(got[name], value, name)
        self.assertGreater(seen, 130)

    def test_writes_what_clients_send(self) -> None:
        seen = 0
        for record in app():
            writer = WRITERS.get(record["kind"])
            if writer is None or "error" in record or record.get("decode_only"):
                continue
            fields = record["fields"]
            counted = ("event_count", "filter_count", "entry_count")
            if any(name in fields for name in counted) and not ("payloads_hex" in fields or "filters" in fields):
                continue
            seen += 1
            with self.subTest(record["id"]):
                self.assertEqual(writer(fields).hex(), bytes_of(record["hex"]).hex())
        self.assertGreater(seen, 35)

    def test_a_cut_frame_asks_for_more(self) -> None:
        for record in app():
            if record["kind"] not in READERS or record["kind"] == "daemon_greeting":
                continue
            data = bytes_of(record["hex"])
            with self.subTest(record["id"]):
                cuts = range(len(data)) if len(data) <= 600 else [*range(300), *range(len(data) - 300, len(data))]
                for cut in cuts:
                    self.assertEqual(list(wire_in.split_frames(data[:cut], 0, cut)), [])

    def test_bad_headers_are_told_from_the_first_bytes(self) -> None:
        for record in app():
            if record["kind"] != "frame" or "error" not in record:
                continue
            data = bytes_of(record["hex"])
            max_frame = record.get("limits", {}).get("max_frame", 4_260_096)
            with self.subTest(record["id"]):
                for cut in range(5):
                    self.assertEqual(list(wire_in.split_frames(data[:cut], 0, cut, max_frame)), [])
                with self.assertRaises(Malformed) as caught:
                    list(wire_in.split_frames(data[:8], 0, 8, max_frame))
                self.assertEqual(caught.exception.name, record["error"])

    def test_runs_of_one_size_and_of_many(self) -> None:
        cases: List[List[bytes]] = [
            [b""], [b"a"], [b"", b""], [b"", b"", b"", b""], [b"a" * 7] * 300, [b"a" * 99, b"a" * 101, b"a" * 100],
            [b"x" * n for n in range(100)], [b"y" * 3000] * 5, [b"\1\0\0\0"] * 9,
            # A sum that would fit equal sizes, with sizes that are not.
            [b"a" * 4, b"\4\0\0\0" * 3, b"", b"b" * 0, b"c" * 4],
        ]
        for payloads in cases:
            with self.subTest(payloads=payloads[:3], count=len(payloads)):
                body = wire_out.run_body(payloads)
                count, largest = wire_in.count_events(body)
                self.assertEqual(count, len(payloads))
                self.assertEqual(largest, max(map(len, payloads)))
                self.assertEqual(wire_in.split_run(body, count), payloads)


if __name__ == "__main__":
    unittest.main()
