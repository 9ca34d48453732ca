//! Frames that a daemon sends. Each reader gets one whole frame, header included.

use super::{
    count_run, flag, properties as p, u16_at, u32_at, u64_at, WireError, DEFAULT_MAX_FRAME, DEFAULT_MAX_PAYLOAD,
    DELIVER_HEADER, HEADER, HIGHEST_NEXT_NUMBER, HIGHEST_NUMBER, LEAST_MAX_FRAME, MAX_ALIASES, MAX_GROWN_RUN_FRAME,
};
use crate::topics;

const MAX_TEXT: usize = 1024;

fn fixed(frame: &[u8], bytes: usize) -> Result<(), WireError> {
    if frame.len() < bytes {
        Err(WireError::Malformed)
    } else {
        Ok(())
    }
}

/// The version that the daemon chose; none: the bytes are another protocol's.
pub(crate) fn greeting(bytes: &[u8; 8]) -> Option<u8> {
    if &bytes[..4] == b"NXD1" {
        Some(bytes[4])
    } else {
        None
    }
}

/// Who the daemon is and what it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Welcome {
    pub(crate) node_id: [u8; 16],
    pub(crate) node_name: String,
    pub(crate) cluster: String,
    pub(crate) version: String,
    pub(crate) publisher: u64,
    pub(crate) next_number: u64,
    pub(crate) max_aliases: u32,
    pub(crate) max_frame: u32,
    pub(crate) max_payload: u32,
    pub(crate) max_subscriptions: u32,
    pub(crate) idle_timeout_ms: u32,
}

fn number32(value: &[u8]) -> Result<u32, WireError> {
    if value.len() == 4 {
        Ok(u32_at(value, 0))
    } else {
        Err(WireError::Malformed)
    }
}

fn number64(value: &[u8], most: u64) -> Result<u64, WireError> {
    if value.len() != 8 {
        return Err(WireError::Malformed);
    }
    match u64_at(value, 0) {
        0 => Err(WireError::Malformed),
        number if number > most => Err(WireError::Malformed),
        number => Ok(number),
    }
}

pub(crate) fn welcome(frame: &[u8]) -> Result<Welcome, WireError> {
    let mut read = Welcome {
        node_id: [0; 16],
        node_name: String::new(),
        cluster: String::new(),
        version: String::new(),
        publisher: 0,
        next_number: 0,
        max_aliases: MAX_ALIASES,
        max_frame: DEFAULT_MAX_FRAME as u32,
        max_payload: DEFAULT_MAX_PAYLOAD as u32,
        max_subscriptions: 1_000_000,
        idle_timeout_ms: 0,
    };
    for property in p::Reader::new(&frame[HEADER..]) {
        let (id, value) = property?;
        match id {
            p::NODE_ID => {
                read.node_id = value.try_into().map_err(|_| WireError::Malformed)?;
            }
            p::NODE_NAME => read.node_name = p::text(value, 0, 64)?.to_owned(),
            p::CLUSTER => read.cluster = p::text(value, 0, 64)?.to_owned(),
            p::DAEMON_VERSION => read.version = p::text(value, 0, 64)?.to_owned(),
            p::PUBLISHER => read.publisher = number64(value, u64::MAX)?,
            p::NEXT_NUMBER => read.next_number = number64(value, HIGHEST_NEXT_NUMBER)?,
            p::MAX_ALIASES => read.max_aliases = number32(value)?,
            p::MAX_FRAME => {
                read.max_frame = number32(value)?;
                if (read.max_frame as usize) < LEAST_MAX_FRAME {
                    return Err(WireError::Malformed);
                }
            }
            p::MAX_PAYLOAD => read.max_payload = number32(value)?,
            p::MAX_SUBSCRIPTIONS => read.max_subscriptions = number32(value)?,
            p::IDLE_TIMEOUT => read.idle_timeout_ms = number32(value)?,
            _ => {}
        }
    }
    if read.node_id != [0; 16] && read.publisher != 0 && read.next_number != 0 {
        Ok(read)
    } else {
        Err(WireError::Malformed)
    }
}

/// An alias and what it stands for from now on.
pub(crate) fn topic(frame: &[u8]) -> Result<(u32, &str), WireError> {
    fixed(frame, HEADER + 4)?;
    let alias = u32_at(frame, HEADER);
    if alias == 0 || alias > MAX_ALIASES {
        return Err(WireError::Malformed);
    }
    let topic = topics::check_name(&frame[HEADER + 4..]).map_err(|_| WireError::BadTopic)?;
    Ok((alias, topic))
}

/// A run of events for a subscription.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deliver<'a> {
    pub(crate) flags: u8,
    pub(crate) subscription: u32,
    pub(crate) alias: u32,
    pub(crate) publisher: u64,
    pub(crate) number: u64,
    pub(crate) timestamp: u64,
    /// Where the body begins in the frame, behind the properties.
    pub(crate) body: usize,
    pub(crate) count: u32,
    pub(crate) topic: Option<&'a str>,
    pub(crate) priority: u8,
}

pub(crate) fn deliver(frame: &[u8], max_payload: usize) -> Result<Deliver<'_>, WireError> {
    fixed(frame, DELIVER_HEADER)?;
    let body = DELIVER_HEADER + usize::from(u16_at(frame, 6));
    fixed(frame, body)?;
    let alias = u32_at(frame, 12);
    let (publisher, number) = (u64_at(frame, 16), u64_at(frame, 24));
    let properties = if body == DELIVER_HEADER && alias != 0 {
        p::EventProperties::default()
    } else {
        p::read_event(&frame[DELIVER_HEADER..body], alias)?
    };
    let count = count_run(&frame[body..], max_payload);
    let events = match count {
        Ok(count) => count,
        Err(WireError::PayloadTooLarge) => 1,
        Err(error) => return Err(error),
    };
    let last = number.checked_add(u64::from(events) - 1);
    if publisher == 0 || number == 0 || last.map_or(true, |last| last > HIGHEST_NUMBER) {
        return Err(WireError::Malformed);
    }
    if events > 1 && frame.len() > MAX_GROWN_RUN_FRAME {
        return Err(WireError::Malformed);
    }
    count?;
    let topic = match properties.topic {
        Some(topic) => Some(topics::check_name(topic).map_err(|_| WireError::BadTopic)?),
        None => None,
    };
    Ok(Deliver {
        flags: frame[5],
        subscription: u32_at(frame, 8),
        alias,
        publisher,
        number,
        timestamp: u64_at(frame, 32),
        body,
        count: events,
        topic,
        priority: properties.priority,
    })
}

/// The daemon accepted or refused a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ack {
    pub(crate) code: u16,
    pub(crate) number: u64,
    pub(crate) count: u32,
    pub(crate) local: u32,
    pub(crate) peers: u32,
}

pub(crate) fn ack(frame: &[u8]) -> Result<Ack, WireError> {
    fixed(frame, 28)?;
    Ok(Ack {
        code: u16_at(frame, 6),
        number: u64_at(frame, 8),
        count: u32_at(frame, 16),
        local: u32_at(frame, 20),
        peers: u32_at(frame, 24),
    })
}

/// GAP or NOTICE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap<'a> {
    pub(crate) reason: u16,
    pub(crate) subscription: u32,
    pub(crate) publisher: u64,
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) count: u64,
    pub(crate) node: &'a str,
}

pub(crate) fn gap(frame: &[u8]) -> Result<Gap<'_>, WireError> {
    fixed(frame, 44)?;
    let gap = Gap {
        reason: u16_at(frame, 6),
        subscription: u32_at(frame, 8),
        publisher: u64_at(frame, 12),
        from: u64_at(frame, 20),
        to: u64_at(frame, 28),
        count: u64_at(frame, 36),
        node: p::text(&frame[44..], 0, 64)?,
    };
    let range_is_right =
        if gap.publisher == 0 { gap.from == 0 && gap.to == 0 } else { gap.from <= gap.to && gap.to <= HIGHEST_NUMBER };
    if gap.count == 0 || !range_is_right {
        return Err(WireError::Malformed);
    }
    Ok(gap)
}

/// SUBSCRIBED, UNSUBSCRIBED or RESULT: which request, how it went, and a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer<'a> {
    pub(crate) code: u16,
    pub(crate) request: u32,
    pub(crate) text: &'a str,
}

fn answer(frame: &[u8], most: usize) -> Result<Answer<'_>, WireError> {
    fixed(frame, HEADER + 4)?;
    let text = &frame[HEADER + 4..];
    Ok(Answer { code: u16_at(frame, 6), request: u32_at(frame, HEADER), text: p::text(text, 0, most)? })
}

pub(crate) fn subscribed(frame: &[u8]) -> Result<Answer<'_>, WireError> {
    answer(frame, MAX_TEXT)
}

pub(crate) fn result(frame: &[u8]) -> Result<Answer<'_>, WireError> {
    answer(frame, usize::MAX)
}

/// ERROR or GOAWAY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal<'a> {
    pub(crate) code: u16,
    pub(crate) closes: bool,
    pub(crate) reference: u64,
    pub(crate) text: &'a str,
}

pub(crate) fn refusal(frame: &[u8]) -> Result<Refusal<'_>, WireError> {
    fixed(frame, 16)?;
    Ok(Refusal {
        code: u16_at(frame, 6),
        closes: frame[5] & flag::CLOSES != 0,
        reference: u64_at(frame, 8),
        text: p::text(&frame[16..], 0, MAX_TEXT)?,
    })
}

/// The body of PING and PONG.
pub(crate) fn ping(frame: &[u8]) -> Result<u64, WireError> {
    fixed(frame, 16)?;
    Ok(u64_at(frame, HEADER))
}
