use crate::wire::{decode::Deliver, flag, u16_at, u32_at, DELIVER_HEADER, SIZE_FIELD};
use bytes::{Buf, Bytes};
use std::sync::Arc;

/// A run of events as it came, in the memory into which it was read.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    frame: Bytes,
    pub(crate) topic: Arc<str>,
    pub(crate) publisher: u64,
    pub(crate) number: u64,
    pub(crate) timestamp: u64,
    pub(crate) count: u32,
    body: u32,
    pub(crate) flags: u8,
    pub(crate) priority: u8,
}

impl Run {
    pub(crate) fn new(deliver: &Deliver<'_>, topic: Arc<str>, frame: Bytes) -> Run {
        Run {
            topic,
            publisher: deliver.publisher,
            number: deliver.number,
            timestamp: deliver.timestamp,
            count: deliver.count,
            body: deliver.body as u32,
            flags: deliver.flags,
            priority: deliver.priority,
            frame,
        }
    }

    /// What it counts against the credit.
    pub(crate) fn frame_bytes(&self) -> usize {
        self.frame.len()
    }

    pub(crate) fn is_retained(&self) -> bool {
        self.flags & flag::RETAINED != 0
    }

    pub(crate) fn is_replayed(&self) -> bool {
        self.flags & flag::REPLAYED != 0
    }

    pub(crate) fn last_number(&self) -> u64 {
        self.number + u64::from(self.count) - 1
    }

    /// Where the first payload's size stands.
    pub(crate) fn body(&self) -> usize {
        self.body as usize
    }

    fn properties_end(&self) -> usize {
        DELIVER_HEADER + usize::from(u16_at(&self.frame, 6))
    }

    pub(crate) fn property_bytes(&self) -> &[u8] {
        &self.frame[DELIVER_HEADER..self.properties_end()]
    }

    pub(crate) fn properties(&self) -> Bytes {
        match self.properties_end() {
            DELIVER_HEADER => Bytes::new(),
            end => self.frame.slice(DELIVER_HEADER..end),
        }
    }

    /// The events from an index on, whose sizes begin at an offset.
    pub(crate) fn rest(mut self, index: u64, at: usize) -> Run {
        self.number += index;
        self.count -= index as u32;
        self.body = at as u32;
        self
    }

    /// The payload whose size stands at an offset, and the offset behind it; the layout was checked when it came.
    pub(crate) fn payload_at(&self, at: usize) -> (&[u8], usize) {
        let start = at + SIZE_FIELD;
        let end = start + u32_at(&self.frame, at) as usize;
        (&self.frame[start..end], end)
    }

    /// The same as a slice that keeps the memory. The last one takes the run's own share of it.
    pub(crate) fn take_payload_at(&mut self, at: usize) -> (Bytes, usize) {
        let start = at + SIZE_FIELD;
        let end = start + u32_at(&self.frame, at) as usize;
        if end == self.frame.len() {
            let mut payload = std::mem::take(&mut self.frame);
            payload.advance(start);
            (payload, end)
        } else {
            (self.frame.slice(start..end), end)
        }
    }
}
