//! Properties: a list of (id, length, bytes).

use super::{u16_at, WireError, MAX_HEADERS, MAX_PROPERTIES};

pub(crate) const TOPIC: u8 = 0x01;
pub(crate) const CONTENT_TYPE: u8 = 0x02;
pub(crate) const CORRELATION_ID: u8 = 0x03;
pub(crate) const HEADER_PAIR: u8 = 0x04;
pub(crate) const TTL: u8 = 0x05;
pub(crate) const PRIORITY: u8 = 0x06;
pub(crate) const REPLY_TOPIC: u8 = 0x07;
pub(crate) const CLIENT_NAME: u8 = 0x10;
pub(crate) const CLIENT_LIBRARY: u8 = 0x11;
pub(crate) const PUBLISHER: u8 = 0x12;
pub(crate) const NEXT_NUMBER: u8 = 0x13;
pub(crate) const MAX_ALIASES: u8 = 0x14;
pub(crate) const MAX_FRAME: u8 = 0x15;
pub(crate) const TOKEN: u8 = 0x16;
pub(crate) const MAX_PAYLOAD: u8 = 0x17;
pub(crate) const MAX_SUBSCRIPTIONS: u8 = 0x18;
pub(crate) const IDLE_TIMEOUT: u8 = 0x19;
pub(crate) const NODE_ID: u8 = 0x20;
pub(crate) const NODE_NAME: u8 = 0x21;
pub(crate) const CLUSTER: u8 = 0x22;
pub(crate) const DAEMON_VERSION: u8 = 0x23;
pub(crate) const OVERFLOW: u8 = 0x40;
pub(crate) const BLOCK_TIMEOUT: u8 = 0x41;
pub(crate) const STRATEGY: u8 = 0x42;
pub(crate) const RESUME: u8 = 0x43;

/// Bytes before each value.
pub(crate) const PREFIX: usize = 3;

/// Reads a list; the only error is a property that runs past the end.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(list: &'a [u8]) -> Reader<'a> {
        Reader { rest: list }
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<(u8, &'a [u8]), WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let list = std::mem::take(&mut self.rest);
        if list.len() < PREFIX {
            return Some(Err(WireError::Malformed));
        }
        let end = PREFIX + usize::from(u16_at(list, 1));
        if end > list.len() {
            return Some(Err(WireError::Malformed));
        }
        self.rest = &list[end..];
        Some(Ok((list[0], &list[PREFIX..end])))
    }
}

pub(crate) fn write(out: &mut Vec<u8>, id: u8, value: &[u8]) {
    out.push(id);
    out.extend_from_slice(&(value.len() as u16).to_le_bytes());
    out.extend_from_slice(value);
}

/// Text of the protocol: UTF-8 without NUL, of a bounded length.
pub(crate) fn text(value: &[u8], least: usize, most: usize) -> Result<&str, WireError> {
    if value.len() < least || value.len() > most || value.contains(&0) {
        return Err(WireError::Malformed);
    }
    std::str::from_utf8(value).map_err(|_| WireError::Malformed)
}

/// What a reader must know of an event's properties at once; the rest is looked up when it is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EventProperties<'a> {
    pub(crate) topic: Option<&'a [u8]>,
    pub(crate) priority: u8,
}

/// Checks each property of an event.
pub(crate) fn read_event(list: &[u8], alias: u32) -> Result<EventProperties<'_>, WireError> {
    let mut read = EventProperties::default();
    let mut headers = 0;
    for property in Reader::new(list) {
        let (id, value) = property?;
        match id {
            TOPIC => {
                if alias != 0 || read.topic.is_some() {
                    return Err(WireError::Malformed);
                }
                read.topic = Some(value);
            }
            CONTENT_TYPE => drop(text(value, 1, 255)?),
            CORRELATION_ID if value.is_empty() || value.len() > 255 => return Err(WireError::Malformed),
            HEADER_PAIR => {
                headers += 1;
                header(value)?;
            }
            TTL if value.len() != 4 || value == [0; 4] => return Err(WireError::Malformed),
            PRIORITY => match value {
                [0..=2] => read.priority = value[0],
                _ => return Err(WireError::Malformed),
            },
            REPLY_TOPIC => drop(text(value, 1, 1024)?),
            _ => {}
        }
    }
    let topic_bytes = read.topic.map_or(0, |topic| PREFIX + topic.len());
    if (alias == 0 && read.topic.is_none()) || headers > MAX_HEADERS || list.len() - topic_bytes > MAX_PROPERTIES {
        return Err(WireError::Malformed);
    }
    Ok(read)
}

/// Takes a header apart.
pub(crate) fn header(value: &[u8]) -> Result<(&str, &[u8]), WireError> {
    let (length, rest) = value.split_first().ok_or(WireError::Malformed)?;
    let length = usize::from(*length);
    if length > rest.len() {
        return Err(WireError::Malformed);
    }
    let (key, value) = rest.split_at(length);
    Ok((text(key, 1, 255)?, value))
}

/// The last value of a property, in a list that was checked.
pub(crate) fn find(list: &[u8], wanted: u8) -> Option<&[u8]> {
    Reader::new(list).filter_map(Result::ok).filter(|(id, _)| *id == wanted).last().map(|(_, value)| value)
}
