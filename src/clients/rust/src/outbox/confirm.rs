//! What the daemon says about events that it got.

use super::{Outbox, State};
use crate::error::Error;
use crate::wire::decode::Ack;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// What became of one event that was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AckOutcome {
    pub(crate) code: u16,
    pub(crate) number: u64,
    pub(crate) local: u32,
    pub(crate) peers: u32,
}

/// A run whose acknowledgement is awaited.
#[derive(Debug)]
pub(super) struct PendingAck {
    /// Where its frame stands in the log.
    pub(super) start: u64,
    pub(super) waiters: Vec<oneshot::Sender<AckOutcome>>,
}

impl PendingAck {
    pub(super) fn complete(self, ack: &Ack) {
        for (number, waiter) in (ack.number..).zip(self.waiters) {
            let outcome = AckOutcome { code: ack.code, number, local: ack.local, peers: ack.peers };
            // Whoever does not wait any more does not want to know.
            let _ = waiter.send(outcome);
        }
    }
}

impl State {
    /// The ping stands in the log, behind the events that its answer confirms.
    pub(super) fn append_ping(&mut self) {
        let number = self.log.next_number;
        if self.pings.back().map_or(false, |(_, covered)| *covered == number) {
            return;
        }
        self.last_ping += 1;
        self.log.push_ping(self.last_ping);
        self.pings.push_back((self.last_ping, number));
    }
}

impl Outbox {
    /// Takes an ACK. False: nothing was waiting for one, so the stream lost step.
    pub(crate) fn on_ack(&self, ack: &Ack) -> bool {
        let (pending, room_wanted) = {
            let mut state = self.lock();
            let pending = match state.acks.pop_front() {
                Some(pending) => pending,
                None => return false,
            };
            let confirmed = ack.number.saturating_add(u64::from(ack.count)).min(state.log.next_number);
            state.confirmed_number = state.confirmed_number.max(confirmed);
            state.trim();
            (pending, std::mem::take(&mut state.room_wanted))
        };
        pending.complete(ack);
        if room_wanted {
            self.room.notify_waiters();
        }
        true
    }

    /// Takes a PONG: the daemon has taken every event that was published before the ping.
    pub(crate) fn on_pong(&self, opaque: u64) {
        let mut done = Vec::new();
        {
            let mut state = self.lock();
            let number = match state.pings.iter().position(|(ping, _)| *ping == opaque) {
                Some(at) => state.pings.drain(..=at).next_back().map_or(0, |(_, number)| number),
                None => return,
            };
            state.confirmed_number = state.confirmed_number.max(number);
            let mut at = 0;
            while at < state.flushes.len() {
                if state.flushes[at].0 <= number {
                    done.push(state.flushes.swap_remove(at).1);
                } else {
                    at += 1;
                }
            }
        }
        for waiter in done {
            let _ = waiter.send(());
        }
    }

    /// Asks to be told when the daemon has taken every event that was published so far; none: it has already.
    pub(crate) fn flush(&self) -> Result<Option<oneshot::Receiver<()>>, Error> {
        let mut state = self.lock();
        if state.closed {
            return Err(Error::closed());
        }
        if state.confirmed_number >= state.log.next_number && state.acks.is_empty() {
            return Ok(None);
        }
        let (waiter, done) = oneshot::channel();
        let number = state.log.next_number;
        state.flushes.retain(|(_, waiter)| !waiter.is_closed());
        state.flushes.push((number, waiter));
        if state.socket.is_some() {
            state.append_ping();
            if state.sending.may_send() {
                self.pump(state);
            }
        }
        Ok(Some(done))
    }

    /// Asks for a sign of life after a time without any traffic from here.
    pub(crate) fn keep_alive(&self, now: Instant, idle: Duration) {
        let mut state = self.lock();
        if state.socket.is_some() && !state.sending.leaving && state.sending.is_idle_since(now, idle) {
            state.append_ping();
            if state.sending.may_send() {
                self.pump(state);
            }
        }
    }
}
