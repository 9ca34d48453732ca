//! What goes to the daemon. Events are appended to a log; consecutive events of one topic become one run. Whoever
//! appends also writes: at once while little is going on, in large pieces under load, when the writing task takes
//! care of the rest. Frames of the session itself (subscriptions, credit, queries) have a queue of their own, because
//! they must not be sent again after a reconnect.
//!
//! The log is kept from the oldest publish that waits for an acknowledgement. After a reconnect it is sent again from
//! there, with the same numbers, so the daemon drops what it had. One lock guards it all; it is given up while bytes
//! go into the socket, and at most one task writes at a time.

mod confirm;
mod log;
mod replay;
mod send;
mod topics;

pub(crate) use confirm::AckOutcome;
pub(crate) use log::Event;
pub(crate) use send::run_writer;

use crate::error::{Error, ErrorKind};
use crate::session::socket::Socket;
use crate::wire::flag;
use confirm::PendingAck;
use log::Log;
use send::Sending;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::{oneshot, Notify};

// While the daemon is there, a publisher that may wait does so at this many bytes: more only makes events late.
const UNSENT_WHILE_CONNECTED: usize = 1 << 20;

/// See the module.
#[derive(Debug)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    room: Notify,
    wake: Notify,
    buffer_bytes: usize,
}

/// What the lock guards.
#[derive(Debug)]
struct State {
    log: Log,
    sending: Sending,
    socket: Option<Arc<Socket>>,
    acks: VecDeque<PendingAck>,
    flushes: Vec<(u64, oneshot::Sender<()>)>,
    pings: VecDeque<(u64, u64)>,
    last_ping: u64,
    confirmed_number: u64,
    in_doubt: u64,
    refused: u64,
    published: u64,
    room_wanted: bool,
    closed: bool,
}

/// Counters for the statistics.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) published: u64,
    pub(crate) refused: u64,
    pub(crate) in_doubt: u64,
    pub(crate) buffered_bytes: u64,
}

/// How an append ended that met no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Append {
    Taken,
    Full,
}

impl State {
    /// Position from which bytes must be kept.
    fn keep_from(&self) -> u64 {
        match self.acks.front() {
            Some(ack) => ack.start.min(self.log.sent()),
            None => self.log.sent(),
        }
    }

    fn held(&self) -> usize {
        (self.log.end() - self.keep_from()) as usize
    }

    /// Whether so many bytes may be added; an empty log takes one frame of any size.
    fn has_room(&self, bytes: usize, limit: usize) -> bool {
        let held = self.held();
        held == 0 || held + bytes <= limit
    }

    #[inline]
    fn append(&mut self, event: &Event<'_>, limit: usize) -> Result<Append, Error> {
        if self.closed {
            return Err(Error::closed());
        }
        let topic = self.log.topics.find(event.topic)?;
        if self.log.fold(topic, event) {
            self.published += 1;
            return Ok(Append::Taken);
        }
        self.log.check_size(event)?;
        if !self.has_room(Log::frame_bytes(event), limit) {
            return Ok(Append::Full);
        }
        self.log.push(topic, event);
        self.published += 1;
        Ok(Append::Taken)
    }

    fn append_acknowledged(
        &mut self,
        event: &Event<'_>,
        limit: usize,
        waiter: &mut Option<oneshot::Sender<AckOutcome>>,
    ) -> Result<Append, Error> {
        if self.closed {
            return Err(Error::closed());
        }
        let topic = self.log.topics.find(event.topic)?;
        if self.log.fold(topic, event) {
            // A run that is still open was not sent, so its acknowledgement is the last that is awaited.
            if let Some(ack) = self.acks.back_mut() {
                ack.waiters.extend(waiter.take());
            }
        } else {
            self.log.check_size(event)?;
            if !self.has_room(Log::frame_bytes(event), limit) {
                return Ok(Append::Full);
            }
            let start = self.log.push(topic, event);
            self.acks.push_back(PendingAck { start, waiters: waiter.take().into_iter().collect() });
        }
        self.published += 1;
        Ok(Append::Taken)
    }

    fn limit(&self, buffer_bytes: usize, may_wait: bool) -> usize {
        if may_wait && self.socket.is_some() {
            buffer_bytes.min(UNSENT_WHILE_CONNECTED)
        } else {
            buffer_bytes
        }
    }
}

impl Outbox {
    pub(crate) fn new(buffer_bytes: usize) -> Outbox {
        let state = State {
            log: Log::new(),
            sending: Sending::default(),
            socket: None,
            acks: VecDeque::new(),
            flushes: Vec::new(),
            pings: VecDeque::new(),
            last_ping: 0,
            confirmed_number: 1,
            in_doubt: 0,
            refused: 0,
            published: 0,
            room_wanted: false,
            closed: false,
        };
        Outbox { state: Mutex::new(state), room: Notify::new(), wake: Notify::new(), buffer_bytes }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code of the application runs under the lock, so a poisoned one still holds a whole state.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Takes an event, or says that the buffer is full; never waits.
    #[inline]
    pub(crate) fn try_publish(&self, event: &Event<'_>) -> Result<(), Error> {
        let mut state = self.lock();
        match state.append(event, self.buffer_bytes)? {
            Append::Taken => {
                self.send_if_due(state);
                Ok(())
            }
            Append::Full => {
                state.refused += 1;
                Err(self.full())
            }
        }
    }

    /// Takes an event; waits for room while the daemon is there.
    pub(crate) async fn publish(&self, event: &Event<'_>) -> Result<(), Error> {
        loop {
            let room = {
                let mut state = self.lock();
                let limit = state.limit(self.buffer_bytes, true);
                if state.append(event, limit)? == Append::Taken {
                    self.send_if_due(state);
                    return Ok(());
                }
                self.want_room(state)?
            };
            if let Some(room) = room {
                room.await;
            }
        }
    }

    /// Takes many events of one topic under one lock, as long as there is room.
    pub(crate) async fn publish_many<P: AsRef<[u8]>>(&self, topic: &str, payloads: &[P]) -> Result<(), Error> {
        self.check_many(topic, payloads)?;
        let mut taken = 0;
        while taken < payloads.len() {
            let room = {
                let mut state = self.lock();
                let limit = state.limit(self.buffer_bytes, true);
                let mut full = false;
                while taken < payloads.len() && !full {
                    let payload = payloads[taken].as_ref();
                    let event = Event { topic, payload, flags: 0, properties: &[] };
                    match state.append(&event, limit).map_err(|error| error.with_taken(taken))? {
                        Append::Taken => taken += 1,
                        Append::Full => full = true,
                    }
                    if state.sending.is_piece_due(&state.log) {
                        break;
                    }
                }
                if full {
                    self.want_room(state).map_err(|error| error.with_taken(taken))?
                } else {
                    self.send_if_due(state);
                    None
                }
            };
            if let Some(room) = room {
                room.await;
            }
        }
        Ok(())
    }

    fn check_many<P: AsRef<[u8]>>(&self, topic: &str, payloads: &[P]) -> Result<(), Error> {
        let largest = payloads.iter().map(|payload| payload.as_ref()).max_by_key(|payload| payload.len());
        let mut state = self.lock();
        if state.closed {
            return Err(Error::closed());
        }
        state.log.topics.find(topic)?;
        match largest {
            Some(payload) => state.log.check_size(&Event { topic, payload, flags: 0, properties: &[] }),
            None => Ok(()),
        }
    }

    /// Takes an event; the receiver gets the daemon's acknowledgement.
    pub(crate) async fn publish_acknowledged(&self, event: &Event<'_>) -> Result<oneshot::Receiver<AckOutcome>, Error> {
        let event = Event { flags: event.flags | flag::ACKNOWLEDGE, ..*event };
        let (waiter, answer) = oneshot::channel();
        let mut waiter = Some(waiter);
        loop {
            let room = {
                let mut state = self.lock();
                if state.append_acknowledged(&event, self.buffer_bytes, &mut waiter)? == Append::Taken {
                    self.send_if_due(state);
                    return Ok(answer);
                }
                self.want_room(state)?
            };
            if let Some(room) = room {
                room.await;
            }
        }
    }

    /// Prepares to wait for room; nothing to wait for means: try again.
    fn want_room(&self, mut state: MutexGuard<'_, State>) -> Result<Option<tokio::sync::futures::Notified<'_>>, Error> {
        if state.socket.is_none() {
            state.refused += 1;
            return Err(self.full());
        }
        let is_unsent = state.log.end() > state.log.sent() && !state.sending.leaving;
        if is_unsent && state.sending.may_send() {
            self.pump(state);
            return Ok(None);
        }
        state.room_wanted = true;
        Ok(Some(self.room.notified()))
    }

    fn full(&self) -> Error {
        Error::new(
            ErrorKind::BufferFull,
            format!(
                "The {} bytes of the publish buffer are full, so the event was not kept: is nexusd running? Wait with \
                 wait_ready or flush, publish less, or enlarge publish_buffer_bytes.",
                self.buffer_bytes
            ),
        )
    }

    /// Ends everything: whoever waits finds out that the client is closed.
    pub(crate) fn close(&self) {
        let (acks, flushes) = {
            let mut state = self.lock();
            state.closed = true;
            state.socket = None;
            (std::mem::take(&mut state.acks), std::mem::take(&mut state.flushes))
        };
        drop((acks, flushes));
        self.room.notify_waiters();
        self.wake.notify_one();
    }

    pub(crate) fn counters(&self) -> Counters {
        let state = self.lock();
        Counters {
            published: state.published,
            refused: state.refused,
            in_doubt: state.in_doubt,
            buffered_bytes: state.held() as u64,
        }
    }
}
