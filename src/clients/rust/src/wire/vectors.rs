//! The records of `tests/vectors` that concern a client: what it writes and what a daemon sends.

use super::decode::{self, Gap};
use super::encode::{self, Hello, ResumeEntry, Subscribe};
use super::{cut, flag, properties as p, u16_at, u32_at, Cut, WireError, DEFAULT_MAX_FRAME, DEFAULT_MAX_PAYLOAD};
use crate::error::{DropReason, ErrorCode};
use crate::publish_request::{Priority, PublishRequest};
use serde_json::{json, Value};
use std::time::Duration;

pub(crate) fn load(file: &str) -> Value {
    let path = format!("{}/../../../tests/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).expect("The vectors are JSON.")
}

fn records() -> Vec<Value> {
    load("app-v1.json")["vectors"].as_array().expect("A list.").clone()
}

pub(crate) fn bytes(hex: &Value) -> Vec<u8> {
    match hex {
        Value::String(text) => {
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("Hex.")).collect()
        }
        Value::Array(parts) => parts.iter().flat_map(bytes).collect(),
        folded => bytes(&folded["repeat"]).repeat(folded["times"].as_u64().expect("A number.") as usize),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        folded => text(&folded["repeat"]).repeat(folded["times"].as_u64().expect("A number.") as usize),
    }
}

/// Texts written out instead of folded.
fn unfolded(value: &Value) -> Value {
    match value {
        Value::Object(map) if map.contains_key("repeat") => json!(text(value)),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), unfolded(value))).collect(),
        Value::Array(list) => list.iter().map(unfolded).collect(),
        other => other.clone(),
    }
}

fn u64_of(value: &Value) -> u64 {
    value.as_str().expect("Decimal text.").parse().expect("A number.")
}

fn u32_of(value: &Value) -> u32 {
    value.as_u64().expect("A number.") as u32
}

fn properties(list: &[u8]) -> Value {
    let mut read = json!({});
    let mut headers = Vec::new();
    let lossy = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    for (id, value) in p::Reader::new(list).map(Result::unwrap) {
        match id {
            p::TOPIC => read["topic"] = json!(lossy(value)),
            p::CONTENT_TYPE => read["content_type"] = json!(lossy(value)),
            p::CORRELATION_ID => read["correlation_id_hex"] = json!(hex(value)),
            p::HEADER_PAIR => {
                let (key, value) = p::header(value).unwrap();
                headers.push(json!({"key": key, "value_hex": hex(value)}));
            }
            p::TTL => read["ttl_ms"] = json!(u32_at(value, 0)),
            p::PRIORITY if value != [0] => read["priority"] = json!(["normal", "high", "low"][value[0] as usize]),
            p::REPLY_TOPIC => read["reply_topic"] = json!(lossy(value)),
            _ => {}
        }
    }
    if !headers.is_empty() {
        read["headers"] = json!(headers);
    }
    read
}

fn payloads(mut body: &[u8]) -> Vec<String> {
    let mut read = Vec::new();
    while !body.is_empty() {
        let end = 4 + u32_at(body, 0) as usize;
        read.push(hex(&body[4..end]));
        body = &body[end..];
    }
    read
}

fn code(code: u16) -> Value {
    json!(ErrorCode(code).to_string())
}

fn gap(gap: &Gap<'_>) -> Value {
    json!({
        "reason": DropReason(gap.reason).to_string(),
        "subscription": gap.subscription,
        "publisher": gap.publisher.to_string(),
        "from": gap.from.to_string(),
        "to": gap.to.to_string(),
        "count": gap.count.to_string(),
        "where": gap.node,
    })
}

fn deliver(frame: &[u8], max_payload: usize) -> Result<Value, WireError> {
    let deliver = decode::deliver(frame, max_payload)?;
    let payloads = payloads(&frame[deliver.body..]);
    let mut read = json!({
        "retain": deliver.flags & flag::RETAIN != 0,
        "retained": deliver.flags & flag::RETAINED != 0,
        "subscription": deliver.subscription,
        "publisher": deliver.publisher.to_string(),
        "number": deliver.number.to_string(),
        "timestamp": deliver.timestamp.to_string(),
        "alias": deliver.alias,
        "properties": properties(&frame[40..40 + usize::from(u16_at(frame, 6))]),
        "event_count": payloads.len(),
        "payloads_hex": payloads,
    });
    if deliver.flags & flag::REPLAYED != 0 {
        read["replayed"] = json!(true);
    }
    Ok(read)
}

fn welcome(frame: &[u8]) -> Result<Value, WireError> {
    decode::welcome(frame).map(|read| {
        json!({
            "node_id_hex": hex(&read.node_id),
            "node_name": read.node_name,
            "cluster": read.cluster,
            "daemon_version": read.version,
            "publisher_id": read.publisher.to_string(),
            "next_number": read.next_number.to_string(),
            "max_aliases": read.max_aliases,
            "max_frame": read.max_frame,
            "max_payload": read.max_payload,
            "max_subscriptions": read.max_subscriptions,
            "idle_timeout_ms": read.idle_timeout_ms,
        })
    })
}

/// What the client reads of a frame; none: a frame that daemons do not send.
fn read(kind: &str, frame: &[u8], max_payload: usize) -> Option<Result<Value, WireError>> {
    Some(match kind {
        "welcome" => welcome(frame),
        "topic" => decode::topic(frame).map(|(alias, topic)| json!({"alias": alias, "topic": topic})),
        "deliver" => deliver(frame, max_payload),
        "ack" => decode::ack(frame).map(|read| {
            json!({
                "code": code(read.code), "number": read.number.to_string(), "count": read.count, "local": read.local,
                "peers": read.peers,
            })
        }),
        "gap" | "notice" => decode::gap(frame).map(|read| gap(&read)),
        "subscribed" | "unsubscribed" => decode::subscribed(frame)
            .map(|read| json!({"code": code(read.code), "subscription": read.request, "text": read.text})),
        "result" => decode::result(frame)
            .map(|read| json!({"code": code(read.code), "request": read.request, "text": read.text})),
        "error" | "goaway" => decode::refusal(frame).map(|read| {
            json!({
                "code": code(read.code), "closes": read.closes, "reference": read.reference.to_string(),
                "text": read.text,
            })
        }),
        "ping" | "pong" => decode::ping(frame).map(|opaque| json!({"opaque": opaque.to_string()})),
        _ => return None,
    })
}

fn name(error: WireError) -> &'static str {
    match error {
        WireError::Malformed => "malformed",
        WireError::FrameTooLarge => "frame_too_large",
        WireError::PayloadTooLarge => "payload_too_large",
        WireError::BadTopic => "bad_topic",
    }
}

#[test]
fn reads_what_daemons_send() {
    let mut count = 0;
    for record in records() {
        let id = record["id"].as_str().expect("An id.");
        let frame = bytes(&record["hex"]);
        let max_payload = record["limits"]["max_payload"].as_u64().map_or(DEFAULT_MAX_PAYLOAD, |most| most as usize);
        let result = match read(record["kind"].as_str().expect("A kind."), &frame, max_payload) {
            Some(result) => result,
            None => continue,
        };
        assert_eq!(cut(&frame, DEFAULT_MAX_FRAME), Cut::Frame(frame.len()), "{id}");
        count += 1;
        match (&record["error"], result) {
            (Value::String(expected), result) => assert_eq!(name(result.unwrap_err()), expected, "{id}"),
            (_, result) => {
                let read = result.unwrap_or_else(|error| panic!("{id}: {error:?}"));
                for (field, expected) in unfolded(&record["fields"]).as_object().expect("Fields.") {
                    assert_eq!(&read[field], expected, "{id}: {field}");
                }
            }
        }
    }
    assert!(count > 100, "{count}");
}

#[test]
fn tells_frames_and_greetings_apart() {
    for record in records() {
        let id = record["id"].as_str().expect("An id.");
        let input = bytes(&record["hex"]);
        match record["kind"].as_str().expect("A kind.") {
            "frame" => {
                let max = record["limits"]["max_frame"].as_u64().map_or(DEFAULT_MAX_FRAME, |most| most as usize);
                match &record["error"] {
                    Value::String(expected) => match cut(&input, max) {
                        Cut::Refused(error) => assert_eq!(name(error), expected, "{id}"),
                        other => panic!("{id}: {other:?}"),
                    },
                    _ => assert_eq!(cut(&input, max), Cut::Frame(input.len()), "{id}"),
                }
            }
            "daemon_greeting" => {
                let first: [u8; 8] = input[..8].try_into().expect("8 bytes.");
                let expected = record["fields"]["version"].as_u64().map(|version| version as u8);
                assert_eq!(decode::greeting(&first), expected, "{id}");
            }
            _ => {}
        }
    }
}

#[test]
fn asks_for_more_wherever_a_frame_is_cut() {
    for record in records() {
        if record["kind"].as_str().map_or(true, |kind| kind.contains("greeting")) {
            continue;
        }
        let frame = bytes(&record["hex"]);
        let most = if record["kind"] == "frame" { 8 } else { frame.len() };
        for end in 0..most.min(frame.len()) {
            assert_eq!(cut(&frame[..end], DEFAULT_MAX_FRAME), Cut::NeedMore, "{} at {end}", record["id"]);
        }
    }
}

fn publish(out: &mut Vec<u8>, fields: &Value) {
    let wanted = &fields["properties"];
    let mut request = PublishRequest::new("a", "");
    if !wanted["content_type"].is_null() {
        request = request.content_type(text(&wanted["content_type"]));
    }
    if !wanted["correlation_id_hex"].is_null() {
        request = request.correlation_id(bytes(&wanted["correlation_id_hex"]));
    }
    for header in wanted["headers"].as_array().into_iter().flatten() {
        request = request.header(text(&header["key"]), bytes(&header["value_hex"]));
    }
    if let Some(ms) = wanted["ttl_ms"].as_u64() {
        request = request.time_to_live(Duration::from_millis(ms));
    }
    match wanted["priority"].as_str() {
        Some("high") => request = request.priority(Priority::High),
        Some("low") => request = request.priority(Priority::Low),
        _ => {}
    }
    if !wanted["reply_topic"].is_null() {
        request = request.reply_topic(text(&wanted["reply_topic"]));
    }
    let request = request.retain(fields["retain"] == true);
    let mut flags = request.flags();
    if fields["acknowledge"] == true {
        flags |= flag::ACKNOWLEDGE;
    }
    let list = request.properties().expect("The properties are right.");
    let topic = wanted.get("topic").map(text);
    encode::publish(out, flags, u32_of(&fields["alias"]), topic.as_deref().map(str::as_bytes), &list);
    for payload in fields["payloads_hex"].as_array().expect("Payloads.") {
        encode::payload(out, &bytes(payload));
    }
    encode::end_frame(out, 0);
}

fn subscribe(out: &mut Vec<u8>, fields: &Value) {
    let at = |names: &[&str], value: &Value| {
        value.as_str().map(|name| names.iter().position(|known| *known == name).expect("A known name.") as u8)
    };
    let entries = fields["resume"].as_array().cloned().unwrap_or_default();
    let entries = entries.iter().map(|entry| ResumeEntry {
        publisher: u64_of(&entry["publisher"]),
        number: u64_of(&entry["number"]),
        timestamp: u64_of(&entry["timestamp"]),
        priority: u32_of(&entry["priority"]) as u8,
    });
    let resume = fields["resume_since"].as_str().map(|_| encode::resume(u64_of(&fields["resume_since"]), entries));
    let filters: Vec<String> = fields["filters"].as_array().expect("Filters.").iter().map(text).collect();
    let ask = Subscribe {
        no_retained: fields["no_retained"] == true,
        subscription: u32_of(&fields["subscription"]),
        credit: u32_of(&fields["credit"]),
        queue_events: u32_of(&fields["queue_events"]),
        queue_bytes: u32_of(&fields["queue_bytes"]),
        overflow: at(&["drop-oldest", "drop-newest", "block", "conflate"], &fields["overflow"]),
        block_timeout_ms: fields["block_timeout_ms"].as_u64().map(|ms| ms as u32),
        strategy: at(&["sticky", "round-robin", "least-pending", "local-first"], &fields["strategy"]),
        resume: resume.as_deref(),
        filters: &filters,
    };
    encode::subscribe(out, &ask);
}

fn hello(out: &mut Vec<u8>, fields: &Value) {
    let hello = Hello {
        name: &text(&fields["client_name"]),
        library: &text(&fields["client_library"]),
        publisher: u64_of(&fields["publisher_id"]),
        next_number: u64_of(&fields["next_number"]),
        max_aliases: u32_of(&fields["max_aliases"]),
        max_frame: u32_of(&fields["max_frame"]),
        token: &bytes(&fields["token_hex"]),
    };
    encode::hello(out, &hello);
}

#[test]
fn writes_what_clients_send() {
    let mut count = 0;
    for record in records() {
        if record["decode_only"] == true || !record["error"].is_null() {
            continue;
        }
        let fields = &record["fields"];
        let mut out = Vec::new();
        match record["kind"].as_str().expect("A kind.") {
            "client_greeting" => {
                encode::greeting(&mut out, u32_of(&fields["min"]) as u8, u32_of(&fields["max"]) as u8);
            }
            "hello" => hello(&mut out, fields),
            "topic" => encode::topic(&mut out, u32_of(&fields["alias"]), text(&fields["topic"]).as_bytes()),
            "publish" => publish(&mut out, fields),
            "subscribe" => subscribe(&mut out, fields),
            "unsubscribe" => encode::unsubscribe(&mut out, u32_of(&fields["subscription"])),
            "credit" => encode::credit(&mut out, u32_of(&fields["subscription"]), u32_of(&fields["bytes"])),
            "ping" => encode::ping(&mut out, u64_of(&fields["opaque"])),
            "pong" => encode::pong(&mut out, u64_of(&fields["opaque"])),
            "query" => encode::query(&mut out, u32_of(&fields["request"]), &text(&fields["text"])),
            "bye" => encode::bye(&mut out),
            _ => continue,
        }
        assert_eq!(hex(&out), hex(&bytes(&record["hex"])), "{}", record["id"]);
        count += 1;
    }
    assert!(count > 30, "{count}");
}
