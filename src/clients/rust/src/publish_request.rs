use crate::error::{Error, ErrorCode, ErrorKind};
use crate::topics;
use crate::wire::{flag, properties as p, MAX_HEADERS, MAX_PROPERTIES};
use bytes::Bytes;
use std::time::Duration;

/// What an event overtakes where it has to wait, and is overtaken by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Priority {
    /// Between the others.
    #[default]
    Normal,
    /// Overtakes normal and low.
    High,
    /// Comes last.
    Low,
}

/// An event with all that can be said of it.
///
/// ```
/// use nexusd_client::{Priority, PublishRequest};
/// use std::time::Duration;
/// let request = PublishRequest::new("orders/created", br#"{"id":7}"#.to_vec())
///     .content_type("application/json")
///     .header("tenant", "blue")
///     .time_to_live(Duration::from_secs(60))
///     .priority(Priority::High);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "Give the request to `Client::publish_with` or `Client::enqueue`."]
pub struct PublishRequest {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    content_type: Option<String>,
    correlation_id: Option<Vec<u8>>,
    headers: Vec<(String, Vec<u8>)>,
    time_to_live: Option<Duration>,
    retain: bool,
    priority: Priority,
    reply_topic: Option<String>,
}

impl PublishRequest {
    /// An event of a topic.
    pub fn new(topic: impl Into<String>, payload: impl Into<Bytes>) -> PublishRequest {
        PublishRequest { topic: topic.into(), payload: payload.into(), ..PublishRequest::default() }
    }

    /// What the payload is, 1 to 255 bytes: `application/json`.
    pub fn content_type(mut self, content_type: impl Into<String>) -> PublishRequest {
        self.content_type = Some(content_type.into());
        self
    }

    /// Ties the event to others, 1 to 255 bytes.
    pub fn correlation_id(mut self, id: impl Into<Vec<u8>>) -> PublishRequest {
        self.correlation_id = Some(id.into());
        self
    }

    /// Adds a header, up to 64 of them. A key has 1 to 255 bytes.
    pub fn header(mut self, key: impl Into<String>, value: impl Into<Vec<u8>>) -> PublishRequest {
        self.headers.push((key.into(), value.into()));
        self
    }

    /// How long the event is worth delivering: 1 ms to 49 days.
    pub fn time_to_live(mut self, time: Duration) -> PublishRequest {
        self.time_to_live = Some(time);
        self
    }

    /// Whether the daemons keep it as the last event of its topic, for those who subscribe later. An empty payload
    /// deletes the one that is kept.
    pub fn retain(mut self, yes: bool) -> PublishRequest {
        self.retain = yes;
        self
    }

    /// What it overtakes where it has to wait.
    pub fn priority(mut self, priority: Priority) -> PublishRequest {
        self.priority = priority;
        self
    }

    /// Where a reply is awaited. [`Client::request`](crate::Client::request) does this for you.
    pub fn reply_topic(mut self, topic: impl Into<String>) -> PublishRequest {
        self.reply_topic = Some(topic.into());
        self
    }

    /// Sets the correlation id unless the caller gave one.
    pub(crate) fn or_correlation_id(mut self, id: String) -> PublishRequest {
        self.correlation_id.get_or_insert_with(|| id.into_bytes());
        self
    }

    pub(crate) fn flags(&self) -> u8 {
        if self.retain {
            flag::RETAIN
        } else {
            0
        }
    }

    /// The properties as they go on the wire, checked.
    pub(crate) fn properties(&self) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        if let Some(content_type) = &self.content_type {
            check("content type", content_type.as_bytes(), true)?;
            p::write(&mut out, p::CONTENT_TYPE, content_type.as_bytes());
        }
        if let Some(id) = &self.correlation_id {
            check("correlation id", id, false)?;
            p::write(&mut out, p::CORRELATION_ID, id);
        }
        if self.headers.len() > MAX_HEADERS {
            return Err(refused(format!("An event has at most {MAX_HEADERS} headers, not {}.", self.headers.len())));
        }
        for (key, value) in &self.headers {
            check("header key", key.as_bytes(), true)?;
            let mut pair = vec![key.len() as u8];
            pair.extend_from_slice(key.as_bytes());
            pair.extend_from_slice(value);
            if pair.len() > MAX_PROPERTIES {
                return Err(too_large(pair.len()));
            }
            p::write(&mut out, p::HEADER_PAIR, &pair);
        }
        if let Some(time) = self.time_to_live {
            let ms = match u32::try_from(time.as_millis()) {
                Ok(ms) if ms > 0 => ms,
                _ => return Err(refused(format!("A time to live is 1 ms to {} ms, not {time:?}.", u32::MAX))),
            };
            p::write(&mut out, p::TTL, &ms.to_le_bytes());
        }
        match self.priority {
            Priority::Normal => {}
            Priority::High => p::write(&mut out, p::PRIORITY, &[1]),
            Priority::Low => p::write(&mut out, p::PRIORITY, &[2]),
        }
        if let Some(topic) = &self.reply_topic {
            topics::check_name(topic.as_bytes()).map_err(|problem| {
                let text = format!("Cannot await a reply on '{}': {problem}.", topics::shown(topic));
                refused(text).with_code(ErrorCode::BAD_TOPIC)
            })?;
            p::write(&mut out, p::REPLY_TOPIC, topic.as_bytes());
        }
        if out.len() > MAX_PROPERTIES {
            return Err(too_large(out.len()));
        }
        Ok(out)
    }
}

fn refused(text: String) -> Error {
    Error::new(ErrorKind::Publish, text).with_code(ErrorCode::OVER_LIMIT)
}

fn too_large(bytes: usize) -> Error {
    let what = "Content type, headers and so on";
    refused(format!("{what} take {bytes} bytes together; at most {MAX_PROPERTIES} are allowed."))
}

fn check(what: &str, value: &[u8], is_text: bool) -> Result<(), Error> {
    if value.is_empty() || value.len() > 255 || (is_text && value.contains(&0)) {
        let also = if is_text { " without NUL" } else { "" };
        return Err(refused(format!("A {what} has 1 to 255 bytes{also}, not {}.", value.len())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> PublishRequest {
        PublishRequest::new("a", "x")
    }

    #[test]
    fn refuses_what_is_out_of_range() {
        let headers = (0..65).fold(request(), |request, at| request.header(at.to_string(), ""));
        for bad in [
            headers,
            request().content_type(""),
            request().content_type("x".repeat(256)),
            request().correlation_id(vec![]),
            request().header("", "v"),
            request().header("k", vec![0; 16_384]),
            request().header("k", vec![0; 100_000]),
            request().time_to_live(Duration::from_micros(900)),
            request().time_to_live(Duration::from_secs(5_000_000)),
            request().reply_topic("a/*"),
        ] {
            assert_eq!(bad.properties().unwrap_err().kind(), ErrorKind::Publish, "{bad:?}");
        }
    }
}
