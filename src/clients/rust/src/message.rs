use crate::publish_request::Priority;
use crate::subscription::run::Run;
use crate::wire::{flag, properties as p, u32_at};
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// An event that came.
///
/// The payload is a slice of the memory into which it was read, which is kept as long as one of the messages in it
/// lives. Copy what you keep for long (`message.payload.to_vec()`).
#[derive(Clone)]
pub struct Message {
    /// What the event is about.
    pub topic: Arc<str>,
    /// The event itself.
    pub payload: Bytes,
    properties: Bytes,
    publisher: u64,
    number: u64,
    timestamp: u64,
    flags: u8,
}

impl Message {
    pub(crate) fn new(run: &mut Run, index: u64, at: usize) -> (Message, usize) {
        let properties = run.properties();
        let (payload, end) = run.take_payload_at(at);
        let message = Message {
            topic: Arc::clone(&run.topic),
            payload,
            properties,
            publisher: run.publisher,
            number: run.number + index,
            timestamp: run.timestamp,
            flags: run.flags,
        };
        (message, end)
    }

    fn properties(&self) -> Properties<'_> {
        Properties { list: &self.properties }
    }

    /// Who published it: an id that belongs to one client.
    pub fn publisher(&self) -> u64 {
        self.publisher
    }

    /// Its number among the events of its publisher.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// When the publisher's daemon accepted it: the upper 48 bits are milliseconds since 1970, the lower 16 count
    /// within.
    pub fn timestamp(&self) -> u64 {
        self.timestamp
    }

    /// The same as a time since 1970-01-01 UTC.
    pub fn time(&self) -> Duration {
        Duration::from_millis(self.timestamp >> 16)
    }

    /// What the payload is, as the publisher says.
    pub fn content_type(&self) -> Option<&str> {
        self.properties().text(p::CONTENT_TYPE)
    }

    /// What ties requests and replies together, or whatever the publisher ties with it.
    pub fn correlation_id(&self) -> Option<&[u8]> {
        p::find(&self.properties, p::CORRELATION_ID)
    }

    /// The headers in the order in which they were given.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.properties().headers()
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// How long the event is worth delivering, from its timestamp on.
    pub fn time_to_live(&self) -> Option<Duration> {
        self.properties().time_to_live()
    }

    /// What it overtakes and is overtaken by.
    pub fn priority(&self) -> Priority {
        self.properties().priority()
    }

    /// Where a reply is awaited: see [`Client::reply`](crate::Client::reply).
    pub fn reply_topic(&self) -> Option<&str> {
        self.properties().text(p::REPLY_TOPIC)
    }

    /// Whether it comes from the store of retained events, and not live.
    pub fn is_retained(&self) -> bool {
        self.flags & flag::RETAINED != 0
    }

    /// Whether it was published while this client was away, and is made up for.
    pub fn is_replayed(&self) -> bool {
        self.flags & flag::REPLAYED != 0
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("topic", &self.topic)
            .field("payload", &self.payload)
            .field("publisher", &self.publisher)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// Properties that are looked up when they are asked for; they were checked when they came.
#[derive(Clone, Copy)]
struct Properties<'a> {
    list: &'a [u8],
}

impl<'a> Properties<'a> {
    fn text(self, id: u8) -> Option<&'a str> {
        p::find(self.list, id).and_then(|value| std::str::from_utf8(value).ok())
    }

    fn headers(self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        p::Reader::new(self.list)
            .filter_map(Result::ok)
            .filter(|(id, _)| *id == p::HEADER_PAIR)
            .filter_map(|(_, value)| p::header(value).ok())
    }

    fn time_to_live(self) -> Option<Duration> {
        p::find(self.list, p::TTL)
            .filter(|value| value.len() == 4)
            .map(|value| Duration::from_millis(u64::from(u32_at(value, 0))))
    }

    fn priority(self) -> Priority {
        match p::find(self.list, p::PRIORITY) {
            Some([1]) => Priority::High,
            Some([2]) => Priority::Low,
            _ => Priority::Normal,
        }
    }
}

/// Many events at once, without an object for each: the fastest way to receive.
#[derive(Debug)]
pub struct Batch {
    pub(crate) runs: Vec<Run>,
    pub(crate) len: usize,
}

impl Batch {
    /// How many events it holds; never 0.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The events one after the other.
    pub fn iter(&self) -> impl Iterator<Item = MessageRef<'_>> {
        self.runs.iter().flat_map(|run| {
            let mut at = run.body();
            (0..u64::from(run.count)).map(move |index| {
                let (payload, end) = run.payload_at(at);
                at = end;
                MessageRef { run, payload, number: run.number + index }
            })
        })
    }
}

/// An event in a [`Batch`].
#[derive(Clone, Copy)]
pub struct MessageRef<'a> {
    run: &'a Run,
    payload: &'a [u8],
    number: u64,
}

impl<'a> MessageRef<'a> {
    fn properties(&self) -> Properties<'a> {
        Properties { list: self.run.property_bytes() }
    }

    /// What the event is about.
    pub fn topic(&self) -> &'a str {
        &self.run.topic
    }

    /// The event itself.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Who published it.
    pub fn publisher(&self) -> u64 {
        self.run.publisher
    }

    /// Its number among the events of its publisher.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// When the publisher's daemon accepted it: see [`Message::timestamp`].
    pub fn timestamp(&self) -> u64 {
        self.run.timestamp
    }

    /// What the payload is, as the publisher says.
    pub fn content_type(&self) -> Option<&'a str> {
        self.properties().text(p::CONTENT_TYPE)
    }

    /// What ties requests and replies together.
    pub fn correlation_id(&self) -> Option<&'a [u8]> {
        p::find(self.properties().list, p::CORRELATION_ID)
    }

    /// The headers in the order in which they were given.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.properties().headers()
    }

    /// How long the event is worth delivering.
    pub fn time_to_live(&self) -> Option<Duration> {
        self.properties().time_to_live()
    }

    /// What it overtakes and is overtaken by.
    pub fn priority(&self) -> Priority {
        self.properties().priority()
    }

    /// Where a reply is awaited.
    pub fn reply_topic(&self) -> Option<&'a str> {
        self.properties().text(p::REPLY_TOPIC)
    }

    /// Whether it comes from the store of retained events.
    pub fn is_retained(&self) -> bool {
        self.run.is_retained()
    }

    /// Whether it was published while this client was away.
    pub fn is_replayed(&self) -> bool {
        self.run.is_replayed()
    }
}

impl fmt::Debug for MessageRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageRef")
            .field("topic", &self.topic())
            .field("payload", &self.payload)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}
