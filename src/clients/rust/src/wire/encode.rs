//! Frames that a client writes.

use super::{flag, kind, properties as p, DEFAULT_MAX_FRAME, HEADER, MAX_ALIASES, VERSION};

/// The 8 bytes with which a client begins.
pub(crate) fn greeting(out: &mut Vec<u8>, min: u8, max: u8) {
    out.extend_from_slice(b"NXD1");
    out.extend_from_slice(&[min, max, 0, 0]);
}

/// The greeting of this client.
pub(crate) fn own_greeting(out: &mut Vec<u8>) {
    greeting(out, VERSION, VERSION);
}

pub(crate) fn header(out: &mut Vec<u8>, frame_bytes: usize, kind: u8, flags: u8, extra: u16) {
    out.extend_from_slice(&(frame_bytes as u32 - 4).to_le_bytes());
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&extra.to_le_bytes());
}

/// Writes the length of a frame that was begun at `start` and has ended now.
pub(crate) fn end_frame(out: &mut [u8], start: usize) {
    let length = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// Who the client is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hello<'a> {
    pub(crate) name: &'a str,
    pub(crate) library: &'a str,
    pub(crate) publisher: u64,
    pub(crate) next_number: u64,
    pub(crate) max_aliases: u32,
    pub(crate) max_frame: u32,
    pub(crate) token: &'a [u8],
}

pub(crate) fn hello(out: &mut Vec<u8>, hello: &Hello<'_>) {
    let start = out.len();
    header(out, HEADER, kind::HELLO, 0, 0);
    if !hello.name.is_empty() {
        p::write(out, p::CLIENT_NAME, hello.name.as_bytes());
    }
    if !hello.library.is_empty() {
        p::write(out, p::CLIENT_LIBRARY, hello.library.as_bytes());
    }
    if hello.publisher != 0 {
        p::write(out, p::PUBLISHER, &hello.publisher.to_le_bytes());
    }
    if hello.next_number != 1 {
        p::write(out, p::NEXT_NUMBER, &hello.next_number.to_le_bytes());
    }
    if hello.max_aliases != MAX_ALIASES {
        p::write(out, p::MAX_ALIASES, &hello.max_aliases.to_le_bytes());
    }
    if hello.max_frame as usize != DEFAULT_MAX_FRAME {
        p::write(out, p::MAX_FRAME, &hello.max_frame.to_le_bytes());
    }
    if !hello.token.is_empty() {
        p::write(out, p::TOKEN, hello.token);
    }
    end_frame(out, start);
}

pub(crate) fn topic(out: &mut Vec<u8>, alias: u32, topic: &[u8]) {
    header(out, HEADER + 4 + topic.len(), kind::TOPIC, 0, 0);
    out.extend_from_slice(&alias.to_le_bytes());
    out.extend_from_slice(topic);
}

/// Begins a PUBLISH frame: all before the first payload. `topic` is given where the alias is 0.
pub(crate) fn publish(out: &mut Vec<u8>, flags: u8, alias: u32, topic: Option<&[u8]>, properties: &[u8]) {
    let topic_bytes = topic.map_or(0, |topic| p::PREFIX + topic.len());
    header(out, HEADER, kind::PUBLISH, flags, (topic_bytes + properties.len()) as u16);
    out.extend_from_slice(&alias.to_le_bytes());
    if let Some(topic) = topic {
        p::write(out, p::TOPIC, topic);
    }
    out.extend_from_slice(properties);
}

/// One more event of the run.
#[inline]
pub(crate) fn payload(out: &mut Vec<u8>, payload: &[u8]) {
    out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    out.extend_from_slice(payload);
}

/// What a client asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subscribe<'a> {
    pub(crate) no_retained: bool,
    pub(crate) subscription: u32,
    pub(crate) credit: u32,
    pub(crate) queue_events: u32,
    pub(crate) queue_bytes: u32,
    pub(crate) overflow: Option<u8>,
    pub(crate) block_timeout_ms: Option<u32>,
    pub(crate) strategy: Option<u8>,
    pub(crate) resume: Option<&'a [u8]>,
    pub(crate) filters: &'a [String],
}

pub(crate) fn subscribe(out: &mut Vec<u8>, ask: &Subscribe<'_>) {
    let start = out.len();
    let flags = if ask.no_retained { flag::NO_RETAINED } else { 0 };
    header(out, HEADER, kind::SUBSCRIBE, flags, 0);
    for field in [ask.subscription, ask.credit, ask.queue_events, ask.queue_bytes] {
        out.extend_from_slice(&field.to_le_bytes());
    }
    let properties = out.len();
    if let Some(overflow) = ask.overflow {
        p::write(out, p::OVERFLOW, &[overflow]);
    }
    if let Some(timeout) = ask.block_timeout_ms {
        p::write(out, p::BLOCK_TIMEOUT, &timeout.to_le_bytes());
    }
    if let Some(strategy) = ask.strategy {
        p::write(out, p::STRATEGY, &[strategy]);
    }
    if let Some(resume) = ask.resume {
        p::write(out, p::RESUME, resume);
    }
    let property_bytes = (out.len() - properties) as u16;
    out[start + 6..start + 8].copy_from_slice(&property_bytes.to_le_bytes());
    for filter in ask.filters {
        out.extend_from_slice(&(filter.len() as u16).to_le_bytes());
        out.extend_from_slice(filter.as_bytes());
    }
    end_frame(out, start);
}

/// What was had of a publisher in a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ResumeEntry {
    pub(crate) publisher: u64,
    pub(crate) number: u64,
    pub(crate) timestamp: u64,
    pub(crate) priority: u8,
}

/// The value of the property 0x43.
pub(crate) fn resume(since: u64, entries: impl Iterator<Item = ResumeEntry>) -> Vec<u8> {
    let mut out = since.to_le_bytes().to_vec();
    for entry in entries {
        out.extend_from_slice(&entry.publisher.to_le_bytes());
        out.extend_from_slice(&entry.number.to_le_bytes());
        out.extend_from_slice(&entry.timestamp.to_le_bytes());
        out.push(entry.priority);
    }
    out
}

pub(crate) fn unsubscribe(out: &mut Vec<u8>, subscription: u32) {
    header(out, HEADER + 4, kind::UNSUBSCRIBE, 0, 0);
    out.extend_from_slice(&subscription.to_le_bytes());
}

pub(crate) fn credit(out: &mut Vec<u8>, subscription: u32, bytes: u32) {
    header(out, HEADER + 8, kind::CREDIT, 0, 0);
    out.extend_from_slice(&subscription.to_le_bytes());
    out.extend_from_slice(&bytes.to_le_bytes());
}

pub(crate) fn ping(out: &mut Vec<u8>, opaque: u64) {
    header(out, HEADER + 8, kind::PING, 0, 0);
    out.extend_from_slice(&opaque.to_le_bytes());
}

pub(crate) fn pong(out: &mut Vec<u8>, opaque: u64) {
    header(out, HEADER + 8, kind::PONG, 0, 0);
    out.extend_from_slice(&opaque.to_le_bytes());
}

pub(crate) fn query(out: &mut Vec<u8>, request: u32, text: &str) {
    header(out, HEADER + 4 + text.len(), kind::QUERY, 0, 0);
    out.extend_from_slice(&request.to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

pub(crate) fn bye(out: &mut Vec<u8>) {
    header(out, HEADER, kind::BYE, 0, 0);
}
