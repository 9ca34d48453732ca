//! What happens to the log between two connections. None of it is in a hurry.

use super::log::{asks_for_ack, events_of, frames, payloads, too_large, Chunk, Log};
use super::{Outbox, PendingAck, State};
use crate::session::socket::Socket;
use crate::wire::decode::{Ack, Welcome};
use crate::wire::{encode, kind, properties as p, u16_at, u32_at, PUBLISH_HEADER};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

impl Outbox {
    /// Starts to send over a connection: declares every topic, restores the session, then the log from where it must
    /// be sent again. False: events had to be taken out because this daemon takes smaller ones, so the numbers are
    /// new; connect again with a new publisher id.
    pub(crate) fn attach(&self, socket: Arc<Socket>, welcome: &Welcome, restore: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut failed = VecDeque::new();
        let fits = {
            let mut state = self.lock();
            let fits = state.fit_log(welcome, &mut failed);
            if fits && !state.closed {
                state.renumber_from(welcome.next_number);
                let State { log, sending, .. } = &mut *state;
                for topic in log.topics.list.iter_mut() {
                    topic.declared = topic.alias != 0;
                    if topic.declared {
                        encode::topic(&mut sending.control, topic.alias, topic.text.as_bytes());
                    }
                }
                restore(&mut sending.control);
                state.socket = Some(socket);
                state.sending.begin();
                if !state.flushes.is_empty() {
                    state.append_ping();
                }
                self.pump(state);
            }
            fits
        };
        for (ack, outcome) in failed {
            PendingAck::complete(ack, &outcome);
        }
        fits
    }

    /// Stops sending: the connection is gone. Sets the log back to where it has to be sent again from.
    /// `is_orderly`: the daemon ended the stream without an error.
    pub(crate) async fn detach(&self, is_orderly: bool) {
        loop {
            {
                let mut state = self.lock();
                state.socket = None;
                if !state.sending.is_busy() {
                    let all_taken = is_orderly && state.sending.said_bye();
                    state.sending.reset();
                    state.log.close_run();
                    state.pings.clear();
                    state.rewind(all_taken);
                    break;
                }
            }
            // Somebody is within a system call that does not wait.
            tokio::task::yield_now().await;
        }
        self.room.notify_waiters();
        self.wake.notify_one();
    }

    /// Number of the first event that the next connection will carry: the one to put into HELLO.
    pub(crate) fn first_number_to_send(&self) -> u64 {
        self.lock().log.first_number_to_send()
    }

    /// No more frames after those that were begun: this client or the daemon leaves.
    pub(crate) fn leave(&self) {
        let mut state = self.lock();
        if state.socket.is_none() || state.sending.leaving {
            return;
        }
        encode::bye(&mut state.sending.control);
        state.sending.leaving = true;
        if state.sending.may_send() {
            self.pump(state);
        }
    }
}

impl Log {
    fn first_number_to_send(&self) -> u64 {
        let chunk = &self.chunks[self.send_at];
        chunk.first_number + Log::count_events(chunk, 0, chunk.sent)
    }
}

impl State {
    /// Sets the log back: to the oldest publish that waits for an acknowledgement, else to the frame that was cut
    /// off. Events before it that nobody confirmed are in doubt from now on, unless all were taken.
    fn rewind(&mut self, all_taken: bool) {
        let log = &mut self.log;
        let chunk = &log.chunks[log.send_at];
        let whole = frames(&chunk.data[..chunk.sent]).last().map_or(0, |(at, frame)| at + frame.len());
        let mut from = chunk.base + whole as u64;
        if let Some(ack) = self.acks.front() {
            from = from.min(ack.start);
        }
        let last = log.chunks.len() - 1;
        log.send_at = log.chunks.iter().position(|chunk| from < chunk.end()).unwrap_or(last);
        let send_at = log.send_at;
        for chunk in log.chunks.iter_mut().skip(send_at) {
            chunk.sent = 0;
        }
        let chunk = &mut log.chunks[send_at];
        chunk.sent = (from - chunk.base) as usize;
        let next = log.first_number_to_send();
        self.trim();
        if next > self.confirmed_number {
            self.in_doubt += if all_taken { 0 } else { next - self.confirmed_number };
            self.confirmed_number = next;
        }
    }

    /// Follows the daemon where it numbers the connection's events from another number than was asked for.
    fn renumber_from(&mut self, first: u64) {
        let shift = first.wrapping_sub(self.log.first_number_to_send());
        if shift == 0 {
            return;
        }
        for chunk in self.log.chunks.iter_mut() {
            chunk.first_number = chunk.first_number.wrapping_add(shift);
        }
        self.log.next_number = self.log.next_number.wrapping_add(shift);
        self.confirmed_number = self.confirmed_number.wrapping_add(shift);
        for flush in self.flushes.iter_mut() {
            flush.0 = flush.0.wrapping_add(shift);
        }
    }

    /// Makes the waiting part of the log fit what this daemon takes. False: events were too large for it and were
    /// taken out, which changes the numbers of the others.
    fn fit_log(&mut self, welcome: &Welcome, failed: &mut VecDeque<(PendingAck, Ack)>) -> bool {
        let log = &mut self.log;
        log.close_run();
        log.max_payload = welcome.max_payload as usize;
        log.max_frame = welcome.max_frame as usize;
        let too_many_aliases = log.topics.limit(welcome.max_aliases);
        let (max_frame, max_payload) = (log.max_frame, log.max_payload);
        let any_too_large = log.chunks.iter().skip(log.send_at).any(|chunk| {
            frames(&chunk.data[chunk.sent..]).any(|(_, frame)| is_too_large(frame, max_frame, max_payload))
        });
        if !too_many_aliases && !any_too_large {
            return true;
        }
        let by_alias = log.topics.list.iter().map(|topic| (topic.alias, topic.text.clone())).collect();
        log.topics.drop_aliases();
        self.rewrite(&by_alias, failed)
    }

    fn rewrite(&mut self, by_alias: &HashMap<u32, Box<str>>, failed: &mut VecDeque<(PendingAck, Ack)>) -> bool {
        let end_number = self.log.next_number;
        let base = self.log.end();
        let first = self.log.first_number_to_send();
        let send_at = std::mem::take(&mut self.log.send_at);
        let start = Chunk { base, first_number: first, data: Vec::new(), len: 0, sent: 0 };
        let old = std::mem::replace(&mut self.log.chunks, VecDeque::from(vec![start]));
        let mut acks = std::mem::take(&mut self.acks);
        self.log.next_number = first;
        self.pings.clear();
        for chunk in old.iter().skip(send_at) {
            for (_, frame) in frames(&chunk.data[chunk.sent..]) {
                if frame[4] != kind::PUBLISH {
                    continue;
                }
                let ack = if asks_for_ack(frame) { acks.pop_front() } else { None };
                if is_too_large(frame, self.log.max_frame, self.log.max_payload) {
                    let code = too_large(0, 0).code().map_or(0, |code| code.0);
                    let refusal = Ack { code, number: 0, count: 0, local: 0, peers: 0 };
                    failed.extend(ack.map(|ack| (ack, refusal)));
                    continue;
                }
                let position = self.copy_frame(frame, by_alias);
                self.acks.extend(ack.map(|ack| PendingAck { start: position, ..ack }));
            }
        }
        self.published -= (end_number - self.log.next_number).min(self.published);
        self.confirmed_number = self.confirmed_number.min(self.log.next_number);
        end_number == self.log.next_number
    }

    /// Copies a PUBLISH; its topic becomes text where it has no alias any more.
    fn copy_frame(&mut self, frame: &[u8], by_alias: &HashMap<u32, Box<str>>) -> u64 {
        let alias = u32_at(frame, 8);
        let mut copy = frame.to_vec();
        if alias > 0 && self.log.topics.list.get(alias as usize - 1).map_or(true, |topic| topic.alias == 0) {
            let mut topic = Vec::new();
            if let Some(text) = by_alias.get(&alias) {
                p::write(&mut topic, p::TOPIC, text.as_bytes());
            }
            let properties = u16_at(frame, 6) + topic.len() as u16;
            copy[6..8].copy_from_slice(&properties.to_le_bytes());
            copy[8..12].fill(0);
            copy.splice(PUBLISH_HEADER..PUBLISH_HEADER, topic);
            encode::end_frame(&mut copy, 0);
        }
        self.log.push_frame(&copy, events_of(frame))
    }
}

fn is_too_large(frame: &[u8], max_frame: usize, max_payload: usize) -> bool {
    frame.len() > max_frame || (frame[4] == kind::PUBLISH && payloads(frame).any(|payload| payload.len() > max_payload))
}
