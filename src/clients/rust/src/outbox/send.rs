//! Who writes when. All of it with the lock held, except the system call itself.

use super::log::{Log, CHUNK};
use super::{Outbox, State};
use crate::race::{poll_fn, Either};
use crate::session::socket::Socket;
use crate::session::Shared;
use std::future::Future;
use std::io::ErrorKind;
use std::sync::{Arc, MutexGuard};
use std::task::Poll;
use std::time::{Duration, Instant};

// A write of this size costs about as little for each byte as any larger one.
const PIECE: usize = 64 * 1024;
// Single writes in a millisecond up to which each event goes out by itself; beyond, they are collected.
const WRITES_AT_ONCE: u32 = 32;
const ROUNDS: u32 = 16;
const WINDOW: Duration = Duration::from_millis(1);
// A sent chunk that must be kept for acknowledgements gives most of its memory back.
const SMALL_CHUNK: usize = CHUNK / 4;

/// What is on its way into the socket.
#[derive(Debug, Default)]
pub(super) struct Sending {
    pub(super) control: Vec<u8>,
    begun_control: Vec<u8>,
    control_sent: usize,
    /// A chunk went out in part: it must be finished before anything else.
    mid_chunk: bool,
    busy: bool,
    blocked: bool,
    writer_is_awake: bool,
    pub(super) leaving: bool,
    window: Option<Instant>,
    window_writes: u32,
    last_write: Option<Instant>,
}

/// Bytes that were taken out of the state for the time of a write.
struct Slice {
    data: Vec<u8>,
    offset: usize,
    is_control: bool,
}

impl Sending {
    /// Whether nobody else is at it.
    pub(super) fn may_send(&self) -> bool {
        !self.busy && !self.blocked
    }

    pub(super) fn is_piece_due(&self, log: &Log) -> bool {
        log.end() - log.sent() >= PIECE as u64
    }

    /// Forgets what was meant for a connection that is gone.
    pub(super) fn reset(&mut self) {
        self.control.clear();
        self.begun_control.clear();
        self.control_sent = 0;
        self.mid_chunk = false;
        self.blocked = false;
        self.leaving = false;
    }

    /// A connection begins; HELLO was the last that was written.
    pub(super) fn begin(&mut self) {
        self.last_write = Some(Instant::now());
    }

    pub(super) fn is_busy(&self) -> bool {
        self.busy
    }

    pub(super) fn is_idle_since(&self, now: Instant, idle: Duration) -> bool {
        self.last_write.map_or(true, |last| now.saturating_duration_since(last) >= idle)
    }

    /// Whether events are few enough for each to go out at once.
    fn is_quiet(&mut self) -> bool {
        let now = Instant::now();
        match self.window {
            Some(window) if now.saturating_duration_since(window) < WINDOW => self.window_writes += 1,
            _ => {
                self.window = Some(now);
                self.window_writes = 1;
            }
        }
        self.window_writes <= WRITES_AT_ONCE
    }
}

impl State {
    fn take_slice(&mut self) -> Option<Slice> {
        let sending = &mut self.sending;
        if sending.control_sent < sending.begun_control.len() {
            let data = std::mem::take(&mut sending.begun_control);
            return Some(Slice { data, offset: sending.control_sent, is_control: true });
        }
        if !sending.mid_chunk {
            if !sending.control.is_empty() {
                sending.control_sent = 0;
                let data = std::mem::take(&mut sending.control);
                sending.control = std::mem::take(&mut sending.begun_control);
                sending.control.clear();
                return Some(Slice { data, offset: 0, is_control: true });
            }
            if sending.leaving {
                return None;
            }
        }
        self.take_chunk()
    }

    fn take_chunk(&mut self) -> Option<Slice> {
        let log = &mut self.log;
        while log.chunks[log.send_at].sent == log.chunks[log.send_at].len {
            if log.send_at + 1 == log.chunks.len() {
                return None;
            }
            log.send_at += 1;
        }
        if log.send_at + 1 == log.chunks.len() {
            log.start_chunk(0);
        }
        let chunk = &mut log.chunks[log.send_at];
        let data = std::mem::take(&mut chunk.data);
        Some(Slice { data, offset: chunk.sent, is_control: false })
    }

    fn put_back(&mut self, slice: Slice, written: usize) {
        if slice.is_control {
            self.sending.control_sent = slice.offset + written;
            self.sending.begun_control = slice.data;
            return;
        }
        let keeps_nothing = self.acks.is_empty();
        let log = &mut self.log;
        let chunk = &mut log.chunks[log.send_at];
        chunk.sent = slice.offset + written;
        let is_done = chunk.sent == chunk.len;
        self.sending.mid_chunk = !is_done && (written > 0 || self.sending.mid_chunk);
        if is_done && !keeps_nothing && chunk.len < SMALL_CHUNK && slice.data.capacity() > chunk.len {
            chunk.data = slice.data.as_slice().into();
            log.recycle(slice.data);
        } else {
            chunk.data = slice.data;
        }
    }

    pub(super) fn trim(&mut self) {
        let keep_from = self.keep_from();
        self.log.trim(keep_from);
    }
}

impl Outbox {
    /// Writes when a large piece has come together, or when little is going on.
    #[inline]
    pub(super) fn send_if_due(&self, mut state: MutexGuard<'_, State>) {
        if state.socket.is_none() || !state.sending.may_send() {
            return;
        }
        if state.sending.writer_is_awake {
            if state.sending.is_piece_due(&state.log) {
                self.pump(state);
            }
        } else if state.sending.is_quiet() {
            self.pump(state);
        } else {
            state.sending.writer_is_awake = true;
            drop(state);
            self.wake.notify_one();
        }
    }

    /// Sends a frame of the session, unless there is no connection: then it is restored with the next one.
    pub(crate) fn send_control(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.lock();
        if state.socket.is_none() || state.sending.leaving {
            return;
        }
        write(&mut state.sending.control);
        if state.sending.may_send() {
            self.pump(state);
        }
    }

    /// Takes the part of the sender and writes what there is. What cannot be written without waiting is left to the
    /// writing task.
    pub(super) fn pump<'a>(&'a self, mut state: MutexGuard<'a, State>) {
        state.sending.busy = true;
        let mut hand_over = false;
        for round in 0.. {
            let socket = match &state.socket {
                Some(socket) => Arc::clone(socket),
                None => break,
            };
            if round == ROUNDS {
                hand_over = true;
                break;
            }
            let slice = match state.take_slice() {
                Some(slice) => slice,
                None => break,
            };
            drop(state);
            let result = socket.try_write(&slice.data[slice.offset..]);
            state = self.lock();
            let written = *result.as_ref().unwrap_or(&0);
            state.put_back(slice, written);
            state.trim();
            match result {
                Ok(_) => state.sending.last_write = Some(Instant::now()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    state.sending.blocked = true;
                    hand_over = true;
                    break;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    // The reading task sees the end of the stream and does what follows.
                    state.socket = None;
                    break;
                }
            }
            if state.room_wanted {
                state.room_wanted = false;
                self.room.notify_waiters();
            }
        }
        state.sending.busy = false;
        state.sending.writer_is_awake |= hand_over;
        let room_wanted = state.socket.is_none() && std::mem::take(&mut state.room_wanted);
        drop(state);
        if hand_over {
            self.wake.notify_one();
        }
        if room_wanted {
            self.room.notify_waiters();
        }
    }

    /// Writes what is left over; tells the socket to wait for where it takes no more.
    fn write_rest(&self) -> Option<Arc<Socket>> {
        let mut state = self.lock();
        state.sending.writer_is_awake = false;
        if state.socket.is_some() && state.sending.may_send() {
            self.pump(state);
            state = self.lock();
        }
        if state.sending.blocked {
            state.socket.clone()
        } else {
            None
        }
    }

    fn unblock(&self) {
        self.lock().sending.blocked = false;
    }

    fn is_closed(&self) -> bool {
        self.lock().closed
    }
}

/// The writing task of a client: writes what publishers left over.
pub(crate) async fn run_writer(shared: Arc<Shared>) {
    let outbox = &shared.outbox;
    while !outbox.is_closed() {
        outbox.wake.notified().await;
        while let Some(socket) = outbox.write_rest() {
            let woken = outbox.wake.notified();
            tokio::pin!(woken);
            let first = poll_fn(|cx| {
                if socket.poll_write_ready(cx).is_ready() {
                    return Poll::Ready(Either::First);
                }
                woken.as_mut().poll(cx).map(|()| Either::Second)
            });
            if first.await == Either::First {
                outbox.unblock();
            }
        }
    }
}
