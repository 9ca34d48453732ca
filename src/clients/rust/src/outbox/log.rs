//! The log of what is published: frames in chunks of memory, from the oldest that may have to be sent again.

use super::topics::{TopicRef, TopicTable};
use crate::error::{Error, ErrorCode, ErrorKind};
use crate::wire::{
    encode, flag, kind, u32_at, DEFAULT_MAX_FRAME, DEFAULT_MAX_PAYLOAD, MAX_RUN_FRAME, PUBLISH_HEADER, SIZE_FIELD,
};
use std::collections::VecDeque;

/// Memory of a chunk; a larger event has one of its own.
pub(super) const CHUNK: usize = 128 * 1024;
// A run stays short enough to be sent again with its topic as text instead of an alias.
const MAX_FOLDED: usize = MAX_RUN_FRAME - 3 - crate::topics::MAX_BYTES;
const KEPT_CHUNKS: usize = 10;

/// A stretch of the log. Positions count bytes from the first that was ever appended.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) base: u64,
    pub(super) first_number: u64,
    pub(super) data: Vec<u8>,
    /// As long as `data`, also while that is lent to whoever writes it into the socket.
    pub(super) len: usize,
    pub(super) sent: usize,
}

impl Chunk {
    pub(super) fn end(&self) -> u64 {
        self.base + self.len as u64
    }
}

/// The run that the log ends in; later events may join it.
#[derive(Clone, Copy, Debug)]
struct Run {
    start: usize,
    body: usize,
    limit: usize,
    topic: usize,
    flags: u8,
    /// Has an alias and no properties: found to be the same at a glance.
    plain: bool,
}

/// An event as it goes into the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event<'a> {
    pub(crate) topic: &'a str,
    pub(crate) payload: &'a [u8],
    pub(crate) flags: u8,
    pub(crate) properties: &'a [u8],
}

#[derive(Debug)]
pub(super) struct Log {
    pub(super) chunks: VecDeque<Chunk>,
    /// Which of them is being sent.
    pub(super) send_at: usize,
    pub(super) next_number: u64,
    pub(super) topics: TopicTable,
    pub(super) max_payload: usize,
    pub(super) max_frame: usize,
    run: Option<Run>,
    free: Vec<Vec<u8>>,
    scratch: Vec<u8>,
}

impl Log {
    pub(super) fn new() -> Log {
        let first = Chunk { base: 0, first_number: 1, data: Vec::with_capacity(CHUNK), len: 0, sent: 0 };
        Log {
            chunks: VecDeque::from(vec![first]),
            send_at: 0,
            next_number: 1,
            topics: TopicTable::new(),
            max_payload: DEFAULT_MAX_PAYLOAD,
            max_frame: DEFAULT_MAX_FRAME,
            run: None,
            free: Vec::new(),
            scratch: Vec::new(),
        }
    }

    pub(super) fn tail(&self) -> &Chunk {
        self.chunks.back().expect("The log has a chunk at any time.")
    }

    fn tail_mut(&mut self) -> &mut Chunk {
        self.chunks.back_mut().expect("The log has a chunk at any time.")
    }

    pub(super) fn end(&self) -> u64 {
        self.tail().end()
    }

    /// Position up to which bytes are in the socket.
    pub(super) fn sent(&self) -> u64 {
        let chunk = &self.chunks[self.send_at];
        chunk.base + chunk.sent as u64
    }

    /// Puts an event behind those of the run that the log ends in, when it belongs there and fits.
    #[inline]
    pub(super) fn fold(&mut self, topic: TopicRef<'_>, event: &Event<'_>) -> bool {
        let run = match self.run {
            Some(run) => run,
            None => return false,
        };
        let max_payload = self.max_payload;
        let size = SIZE_FIELD + event.payload.len();
        if self.tail().len + size > run.limit || event.payload.len() > max_payload || event.flags != run.flags {
            return false;
        }
        let is_same = match topic {
            TopicRef::Known(known) if event.properties.is_empty() && run.plain => known == run.topic,
            _ => self.is_same_head(&run, topic, event),
        };
        if !is_same {
            return false;
        }
        let tail = self.tail_mut();
        encode::payload(&mut tail.data, event.payload);
        tail.len += size;
        self.next_number += 1;
        true
    }

    fn is_same_head(&mut self, run: &Run, topic: TopicRef<'_>, event: &Event<'_>) -> bool {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let (alias, text) = self.name_of(topic);
        encode::publish(&mut scratch, event.flags, alias, text, event.properties);
        // All but the length.
        let is_same = self.tail().data[run.start + 4..run.body] == scratch[4..];
        self.scratch = scratch;
        is_same
    }

    fn name_of<'a>(&'a self, topic: TopicRef<'a>) -> (u32, Option<&'a [u8]>) {
        match topic {
            TopicRef::Text(text) => (0, Some(text.as_bytes())),
            TopicRef::Known(known) => match &self.topics.list[known] {
                topic if topic.alias == 0 => (0, Some(topic.text.as_bytes())),
                topic => (topic.alias, None),
            },
        }
    }

    /// Bytes that a frame of one event may take, its topic as text and its declaration counted in.
    pub(super) fn frame_bytes(event: &Event<'_>) -> usize {
        PUBLISH_HEADER + PUBLISH_HEADER + event.topic.len() + event.properties.len() + SIZE_FIELD + event.payload.len()
    }

    pub(super) fn check_size(&self, event: &Event<'_>) -> Result<(), Error> {
        if event.payload.len() <= self.max_payload && Log::frame_bytes(event) <= self.max_frame {
            return Ok(());
        }
        Err(too_large(event.payload.len(), self.max_payload))
    }

    /// Begins a frame with one event. Returns its position.
    pub(super) fn push(&mut self, topic: TopicRef<'_>, event: &Event<'_>) -> u64 {
        self.close_run();
        self.ensure_room(Log::frame_bytes(event));
        self.declare(topic);
        let mut data = std::mem::take(&mut self.tail_mut().data);
        let start = data.len();
        let (alias, text) = self.name_of(topic);
        encode::publish(&mut data, event.flags, alias, text, event.properties);
        let body = data.len();
        encode::payload(&mut data, event.payload);
        encode::end_frame(&mut data, start);
        self.run = Some(Run {
            start,
            body,
            limit: data.capacity().min(start + MAX_FOLDED),
            topic: match topic {
                TopicRef::Known(known) => known,
                TopicRef::Text(_) => usize::MAX,
            },
            flags: event.flags,
            plain: alias != 0 && event.properties.is_empty(),
        });
        let tail = self.tail_mut();
        tail.len = data.len();
        tail.data = data;
        self.next_number += 1;
        tail_position(self.tail(), start)
    }

    fn declare(&mut self, topic: TopicRef<'_>) {
        let known = match topic {
            TopicRef::Known(known) => known,
            TopicRef::Text(_) => return,
        };
        let topic = &mut self.topics.list[known];
        if topic.alias != 0 && !topic.declared {
            topic.declared = true;
            let tail = self.chunks.back_mut().expect("The log has a chunk at any time.");
            encode::topic(&mut tail.data, topic.alias, topic.text.as_bytes());
            tail.len = tail.data.len();
        }
    }

    /// Appends a frame that is no event.
    pub(super) fn push_ping(&mut self, opaque: u64) {
        self.close_run();
        self.ensure_room(16);
        let tail = self.tail_mut();
        encode::ping(&mut tail.data, opaque);
        tail.len = tail.data.len();
    }

    /// Appends whole frames as they are: what is rewritten for another daemon.
    pub(super) fn push_frame(&mut self, frame: &[u8], events: u64) -> u64 {
        self.ensure_room(frame.len());
        let start = self.tail().len;
        let tail = self.tail_mut();
        tail.data.extend_from_slice(frame);
        tail.len = tail.data.len();
        self.next_number += events;
        tail_position(self.tail(), start)
    }

    /// Ends the run that the log ends in; later events start a new frame.
    pub(super) fn close_run(&mut self) {
        if let Some(run) = self.run.take() {
            let tail = self.tail_mut();
            encode::end_frame(&mut tail.data, run.start);
        }
    }

    fn ensure_room(&mut self, bytes: usize) {
        let tail = self.tail();
        if tail.data.capacity() - tail.data.len() < bytes {
            self.start_chunk(bytes);
        }
    }

    /// Starts a new chunk behind the others, so that those can be sent.
    pub(super) fn start_chunk(&mut self, bytes: usize) {
        self.close_run();
        let data = match self.free.pop() {
            Some(free) if bytes <= CHUNK => free,
            other => {
                self.free.extend(other);
                Vec::with_capacity(bytes.max(CHUNK))
            }
        };
        let (base, first_number) = (self.end(), self.next_number);
        self.chunks.push_back(Chunk { base, first_number, data, len: 0, sent: 0 });
    }

    /// Gives memory back that is not needed any more.
    pub(super) fn recycle(&mut self, mut data: Vec<u8>) {
        if data.capacity() == CHUNK && self.free.len() < KEPT_CHUNKS {
            data.clear();
            self.free.push(data);
        }
    }

    /// Forgets all before a position.
    pub(super) fn trim(&mut self, keep_from: u64) {
        while self.chunks[self.send_at].sent == self.chunks[self.send_at].len && self.send_at + 1 < self.chunks.len() {
            self.send_at += 1;
        }
        while self.send_at > 0 && self.chunks[0].end() <= keep_from {
            if let Some(chunk) = self.chunks.pop_front() {
                self.recycle(chunk.data);
            }
            self.send_at -= 1;
        }
    }

    /// Counts the events of the frames between two offsets of a chunk.
    pub(super) fn count_events(chunk: &Chunk, from: usize, to: usize) -> u64 {
        frames(&chunk.data[from..to]).map(|(_, frame)| events_of(frame)).sum()
    }
}

fn tail_position(tail: &Chunk, start: usize) -> u64 {
    tail.base + start as u64
}

pub(super) fn too_large(bytes: usize, most: usize) -> Error {
    let text = format!(
        "The payload has {bytes} bytes; the daemon takes at most {most}. Send less, or start nexusd with a larger \
         --max-payload."
    );
    Error::new(ErrorKind::Publish, text).with_code(ErrorCode::PAYLOAD_TOO_LARGE)
}

/// The whole frames in a stretch of bytes, each with its offset.
pub(super) fn frames(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        let rest = &bytes[start..];
        if rest.len() < 8 {
            return None;
        }
        let size = u32_at(rest, 0) as usize + 4;
        if rest.len() < size {
            return None;
        }
        at += size;
        Some((start, &rest[..size]))
    })
}

/// The payloads of a PUBLISH frame.
pub(super) fn payloads(frame: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = PUBLISH_HEADER + usize::from(crate::wire::u16_at(frame, 6));
    std::iter::from_fn(move || {
        if at >= frame.len() {
            return None;
        }
        let start = at + SIZE_FIELD;
        at = start + u32_at(frame, at) as usize;
        Some(&frame[start..at])
    })
}

pub(super) fn events_of(frame: &[u8]) -> u64 {
    if frame[4] == kind::PUBLISH {
        payloads(frame).count() as u64
    } else {
        0
    }
}

pub(super) fn asks_for_ack(frame: &[u8]) -> bool {
    frame[4] == kind::PUBLISH && frame[5] & flag::ACKNOWLEDGE != 0
}
