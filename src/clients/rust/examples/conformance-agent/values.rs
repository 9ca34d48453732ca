//! Between JSON and the types of the client.

use nexusd_client::{
    Client, ClientBuilder, Error, ErrorKind, Message, Overflow, Priority, PublishRequest, Strategy, SubscribeOptions,
};
use serde_json::{json, Map, Value};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What an answer says went wrong.
pub struct Failure {
    kind: &'static str,
    text: String,
    code: Option<u16>,
}

impl Failure {
    pub fn new(kind: &'static str, text: impl Into<String>) -> Failure {
        Failure { kind, text: text.into(), code: None }
    }

    pub fn to_json(&self) -> Value {
        let mut line = json!({"error": self.kind, "text": self.text});
        if let Some(code) = self.code {
            line["code"] = json!(code);
        }
        line
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let kind = match error.kind() {
            ErrorKind::Argument => "argument",
            ErrorKind::Connection => "connection",
            ErrorKind::Publish => "publish",
            ErrorKind::Subscribe => "subscribe",
            ErrorKind::BufferFull => "buffer_full",
            ErrorKind::Query => "query",
            ErrorKind::NoResponder => "no_responder",
            ErrorKind::Timeout => "timeout",
            ErrorKind::Closed => "closed",
            _ => "other",
        };
        Failure { kind, text: error.to_string(), code: error.code().map(|code| code.0) }
    }
}

pub fn text<'a>(command: &'a Value, name: &str) -> Result<&'a str, Failure> {
    command[name].as_str().ok_or_else(|| Failure::new("argument", format!("{name} is missing")))
}

pub fn ms(command: &Value, name: &str) -> Option<Duration> {
    command[name].as_u64().map(Duration::from_millis)
}

pub fn timeout(command: &Value) -> Duration {
    ms(command, "timeout_ms").unwrap_or(Duration::from_secs(5))
}

/// What the callbacks told.
pub type Log = Arc<Mutex<Vec<Value>>>;

pub fn builder(command: &Value, log: &Log) -> ClientBuilder {
    let options = &command["options"];
    let mut builder = Client::builder();
    if let Some(address) = command["address"].as_str() {
        builder = builder.address(address);
    }
    if let Some(name) = options["name"].as_str() {
        builder = builder.name(name);
    }
    if let Some(bytes) = options["publish_buffer_bytes"].as_u64() {
        builder = builder.publish_buffer_bytes(bytes as usize);
    }
    if let Some(time) = ms(options, "connect_timeout_ms") {
        builder = builder.connect_timeout(time);
    }
    if let Some(time) = ms(options, "acknowledge_timeout_ms") {
        builder = builder.acknowledge_timeout(time);
    }
    if let Some(time) = ms(options, "close_timeout_ms") {
        builder = builder.close_timeout(time);
    }
    if let Some(time) = ms(options, "keep_alive_ms") {
        builder = builder.keep_alive(time);
    }
    let (min, max) = (ms(options, "reconnect_min_ms"), ms(options, "reconnect_max_ms"));
    if min.is_some() || max.is_some() {
        let min = min.unwrap_or(Duration::from_millis(100));
        builder = builder.reconnect(min, max.unwrap_or(Duration::from_secs(30)));
    }
    with_log(builder, log)
}

fn with_log(builder: ClientBuilder, log: &Log) -> ClientBuilder {
    let (states, gaps, losses, notices) = (log.clone(), log.clone(), log.clone(), log.clone());
    builder
        .on_state_change(move |change| {
            let text = change.reason.map(|reason| reason.to_string());
            let entry = json!({"kind": "state", "state": change.state.to_string(), "text": text});
            states.lock().unwrap().push(entry);
        })
        .on_gap(move |gap| {
            gaps.lock().unwrap().push(json!({
                "kind": "gap",
                "filters": &gap.filters[..],
                "publisher": gap.publisher.to_string(),
                "from": gap.from.to_string(),
                "to": gap.to.to_string(),
                "count": gap.count.to_string(),
                "reason": gap.reason.to_string(),
                "node": gap.node,
            }));
        })
        .on_publish_loss(move |loss| {
            losses.lock().unwrap().push(json!({
                "kind": "publish_loss",
                "from": loss.from.to_string(),
                "to": loss.to.to_string(),
                "count": loss.count.to_string(),
                "reason": loss.reason.to_string(),
                "node": loss.node,
            }));
        })
        .on_notice(move |notice| {
            let entry = json!({"kind": "notice", "code": notice.code.0, "text": notice.text});
            notices.lock().unwrap().push(entry);
        })
}

pub fn payload(command: &Value) -> Vec<u8> {
    match command["size"].as_u64() {
        Some(size) => vec![b'x'; size as usize],
        None => command["payload"].as_str().unwrap_or("").as_bytes().to_vec(),
    }
}

pub fn request(command: &Value) -> Result<PublishRequest, Failure> {
    let mut request = PublishRequest::new(text(command, "topic")?, payload(command));
    if let Some(content_type) = command["content_type"].as_str() {
        request = request.content_type(content_type);
    }
    if let Some(id) = command["correlation_id"].as_str() {
        request = request.correlation_id(id);
    }
    if let Some(headers) = command["headers"].as_object() {
        for (key, value) in headers {
            request = request.header(key, value.as_str().unwrap_or(""));
        }
    }
    if let Some(time) = ms(command, "ttl_ms") {
        request = request.time_to_live(time);
    }
    if let Some(topic) = command["reply_topic"].as_str() {
        request = request.reply_topic(topic);
    }
    let priority = match command["priority"].as_str() {
        None | Some("normal") => Priority::Normal,
        Some("high") => Priority::High,
        Some("low") => Priority::Low,
        Some(other) => return Err(Failure::new("argument", format!("no priority: {other}"))),
    };
    Ok(request.priority(priority).retain(command["retain"].as_bool().unwrap_or(false)))
}

pub fn subscribe_options(options: &Value) -> Result<SubscribeOptions, Failure> {
    let mut chosen = SubscribeOptions::new()
        .receive_retained(options["receive_retained"].as_bool().unwrap_or(true))
        .resume(options["resume"].as_bool().unwrap_or(true))
        .queue_events(options["queue_events"].as_u64().unwrap_or(0) as u32)
        .queue_bytes(options["queue_bytes"].as_u64().unwrap_or(0) as u32);
    if let Some(group) = options["group"].as_str() {
        chosen = chosen.group(group);
    }
    if let Some(bytes) = options["receive_buffer_bytes"].as_u64() {
        chosen = chosen.receive_buffer_bytes(bytes as usize);
    }
    if let Some(time) = ms(options, "block_timeout_ms") {
        chosen = chosen.block_timeout(time);
    }
    match options["strategy"].as_str() {
        None => {}
        Some("sticky") => chosen = chosen.strategy(Strategy::Sticky),
        Some("round-robin") => chosen = chosen.strategy(Strategy::RoundRobin),
        Some("least-pending") => chosen = chosen.strategy(Strategy::LeastPending),
        Some("local-first") => chosen = chosen.strategy(Strategy::LocalFirst),
        Some(other) => return Err(Failure::new("argument", format!("no strategy: {other}"))),
    }
    match options["overflow"].as_str() {
        None => {}
        Some("drop-oldest") => chosen = chosen.overflow(Overflow::DropOldest),
        Some("drop-newest") => chosen = chosen.overflow(Overflow::DropNewest),
        Some("block") => chosen = chosen.overflow(Overflow::Block),
        Some("conflate") => chosen = chosen.overflow(Overflow::Conflate),
        Some(other) => return Err(Failure::new("argument", format!("no overflow policy: {other}"))),
    }
    Ok(chosen)
}

pub fn message(message: &Message) -> Value {
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers: Map<String, Value> =
        message.headers().map(|(key, value)| (key.to_owned(), json!(lossy(value)))).collect();
    let mut shown = json!({
        "topic": &*message.topic,
        "size": message.payload.len(),
        "publisher": message.publisher().to_string(),
        "number": message.number().to_string(),
        "headers": headers,
        "priority": match message.priority() {
            Priority::Normal => "normal",
            Priority::High => "high",
            Priority::Low => "low",
        },
        "retained": message.is_retained(),
        "replayed": message.is_replayed(),
    });
    if message.payload.len() <= 4096 {
        shown["payload"] = json!(lossy(&message.payload));
    }
    if let Some(content_type) = message.content_type() {
        shown["content_type"] = json!(content_type);
    }
    if let Some(id) = message.correlation_id() {
        shown["correlation_id"] = json!(lossy(id));
    }
    if let Some(time) = message.time_to_live() {
        shown["ttl_ms"] = json!(time.as_millis() as u64);
    }
    if let Some(topic) = message.reply_topic() {
        shown["reply_topic"] = json!(topic);
    }
    shown
}
