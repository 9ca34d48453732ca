//! The bytes of `docs/protocol/app-v1.md`: frames that a client writes, and those that a daemon sends.
//!
//! ```text
//!  0       4    5     6       8
//! +-------+----+-----+-------+------------------
//! | length|kind|flags| extra | body ...
//! | u32   | u8 | u8  | u16   | length - 4 bytes
//! +-------+----+-----+-------+------------------
//! ```

pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod properties;
#[cfg(test)]
pub(crate) mod vectors;

pub(crate) const HEADER: usize = 8;
pub(crate) const PUBLISH_HEADER: usize = 12;
pub(crate) const DELIVER_HEADER: usize = 40;
pub(crate) const SIZE_FIELD: usize = 4;
pub(crate) const VERSION: u8 = 1;
pub(crate) const DEFAULT_MAX_FRAME: usize = 4_260_096;
/// Of the largest payload that a daemon can be told to take.
pub(crate) const LARGEST_FRAME: usize = (64 << 20) + 65_792;
pub(crate) const DEFAULT_MAX_PAYLOAD: usize = 4_194_304;
pub(crate) const LEAST_MAX_FRAME: usize = 65_536;
pub(crate) const MAX_ALIASES: u32 = 65_536;
pub(crate) const MAX_RUN_FRAME: usize = 32_768;
pub(crate) const MAX_GROWN_RUN_FRAME: usize = 34_816;
pub(crate) const MAX_PROPERTIES: usize = 16_384;
pub(crate) const MAX_HEADERS: usize = 64;
pub(crate) const MAX_FILTERS: usize = 1024;
pub(crate) const MAX_RESUME_PAIRS: usize = 1024;
pub(crate) const MAX_QUERY: usize = 1088;
pub(crate) const HIGHEST_NUMBER: u64 = (1 << 63) - 1;
pub(crate) const HIGHEST_NEXT_NUMBER: u64 = 1 << 62;

pub(crate) mod kind {
    pub(crate) const HELLO: u8 = 0x01;
    pub(crate) const TOPIC: u8 = 0x02;
    pub(crate) const PUBLISH: u8 = 0x03;
    pub(crate) const SUBSCRIBE: u8 = 0x04;
    pub(crate) const UNSUBSCRIBE: u8 = 0x05;
    pub(crate) const CREDIT: u8 = 0x06;
    pub(crate) const PING: u8 = 0x07;
    pub(crate) const PONG: u8 = 0x08;
    pub(crate) const QUERY: u8 = 0x09;
    pub(crate) const BYE: u8 = 0x0A;
    pub(crate) const WELCOME: u8 = 0x41;
    pub(crate) const SUBSCRIBED: u8 = 0x42;
    pub(crate) const DELIVER: u8 = 0x43;
    pub(crate) const ACK: u8 = 0x44;
    pub(crate) const GAP: u8 = 0x45;
    pub(crate) const RESULT: u8 = 0x46;
    pub(crate) const ERROR: u8 = 0x47;
    pub(crate) const GOAWAY: u8 = 0x48;
    pub(crate) const NOTICE: u8 = 0x4A;
}

pub(crate) mod flag {
    pub(crate) const RETAIN: u8 = 0x01;
    pub(crate) const ACKNOWLEDGE: u8 = 0x02;
    pub(crate) const RETAINED: u8 = 0x04;
    pub(crate) const REPLAYED: u8 = 0x08;
    pub(crate) const NO_RETAINED: u8 = 0x01;
    pub(crate) const CLOSES: u8 = 0x01;
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WireError {
    Malformed,
    FrameTooLarge,
    PayloadTooLarge,
    BadTopic,
}

/// What stands at the beginning of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    NeedMore,
    /// A whole frame of so many bytes.
    Frame(usize),
    Refused(WireError),
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

/// Looks for a whole frame at the start of what came.
pub(crate) fn cut(bytes: &[u8], max_frame: usize) -> Cut {
    if bytes.len() < HEADER {
        return Cut::NeedMore;
    }
    let length = u32_at(bytes, 0) as usize;
    if length.saturating_add(4) > max_frame {
        return Cut::Refused(WireError::FrameTooLarge);
    }
    if length < 4 || matches!(bytes[4], 0 | 0xF0..=0xFF) {
        return Cut::Refused(WireError::Malformed);
    }
    if bytes.len() < length + 4 {
        Cut::NeedMore
    } else {
        Cut::Frame(length + 4)
    }
}

/// Checks the payloads of a run and counts them.
pub(crate) fn count_run(body: &[u8], max_payload: usize) -> Result<u32, WireError> {
    let mut at = 0;
    let mut count = 0;
    let mut too_large = false;
    while at < body.len() {
        if body.len() - at < SIZE_FIELD {
            return Err(WireError::Malformed);
        }
        let size = u32_at(body, at) as usize;
        at += SIZE_FIELD;
        if size > body.len() - at {
            return Err(WireError::Malformed);
        }
        too_large |= size > max_payload;
        at += size;
        count += 1;
    }
    if count == 0 {
        Err(WireError::Malformed)
    } else if too_large {
        Err(WireError::PayloadTooLarge)
    } else {
        Ok(count)
    }
}
