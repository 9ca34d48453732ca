//! The life of one client: connects when it is first used, greets, reads, reconnects, and restores what was open.
//!
//! Two tasks: one connects and reads ([`driver`]), one writes what publishers left over ([`crate::outbox`]). Lock
//! order: requests, then outbox, then the queue of a subscription.

pub(crate) mod driver;
mod handshake;
pub(crate) mod read_buffer;
mod receive;
pub(crate) mod requests;
pub(crate) mod socket;

use crate::address::Address;
use crate::error::{Error, ErrorKind};
use crate::events::{raise, ConnectionState, DaemonInfo, StateChange, Statistics};
use crate::options::Options;
use crate::outbox::Outbox;
use requests::Requests;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// What all handles of a client and its tasks share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) address: Address,
    pub(crate) options: Options,
    pub(crate) outbox: Outbox,
    pub(crate) runtime: Handle,
    pub(crate) requests: Mutex<Requests>,
    pub(crate) received: AtomicU64,
    pub(crate) lost: AtomicU64,
    connections: AtomicU64,
    started: AtomicBool,
    closing: AtomicBool,
    status: watch::Sender<Status>,
    stage: watch::Sender<Stage>,
    daemon: Mutex<Option<DaemonInfo>>,
}

/// What is known of the connection at the moment.
#[derive(Clone, Debug)]
struct Status {
    state: ConnectionState,
    last_error: Option<Error>,
}

/// How far closing has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Open,
    /// BYE is on its way, or there is no connection: no new one is made.
    Leaving,
    /// The daemon does not answer.
    Abandoned,
    Closed,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Shared {
    pub(crate) fn new(address: Address, options: Options, runtime: Handle) -> Arc<Shared> {
        let buffer_bytes = options.publish_buffer_bytes;
        Arc::new(Shared {
            address,
            options,
            outbox: Outbox::new(buffer_bytes),
            runtime,
            requests: Mutex::new(Requests::default()),
            received: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            started: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            status: watch::channel(Status { state: ConnectionState::Idle, last_error: None }).0,
            stage: watch::channel(Stage::Open).0,
            daemon: Mutex::new(None),
        })
    }

    pub(crate) fn state(&self) -> ConnectionState {
        self.status.borrow().state
    }

    pub(crate) fn daemon(&self) -> Option<DaemonInfo> {
        lock(&self.daemon).clone()
    }

    pub(crate) fn last_error(&self) -> Option<Error> {
        self.status.borrow().last_error.clone()
    }

    pub(crate) fn statistics(&self) -> Statistics {
        let counters = self.outbox.counters();
        Statistics {
            published: counters.published,
            refused: counters.refused,
            received: self.received.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
            in_doubt: counters.in_doubt,
            connections: self.connections.load(Ordering::Relaxed),
            buffered_bytes: counters.buffered_bytes,
        }
    }

    /// Starts to connect, once. Fails when the client is closed.
    #[inline]
    pub(crate) fn ensure_started(self: &Arc<Shared>) -> Result<(), Error> {
        if self.closing.load(Ordering::Acquire) {
            return Err(Error::closed());
        }
        if !self.started.load(Ordering::Acquire) {
            self.start();
        }
        Ok(())
    }

    #[cold]
    fn start(self: &Arc<Shared>) {
        if !self.started.swap(true, Ordering::AcqRel) {
            self.runtime.spawn(driver::run(Arc::clone(self)));
            self.runtime.spawn(crate::outbox::run_writer(Arc::clone(self)));
        }
    }

    pub(crate) async fn wait_ready(self: &Arc<Shared>, timeout: Duration) -> Result<(), Error> {
        self.ensure_started()?;
        match tokio::time::timeout(timeout, self.until_ready()).await {
            Ok(result) => result,
            Err(_) => Err(self.last_error().unwrap_or_else(|| {
                Error::new(
                    ErrorKind::Connection,
                    format!("nexusd at {} was not reached within {timeout:?}: is it running?", self.address),
                )
            })),
        }
    }

    async fn until_ready(&self) -> Result<(), Error> {
        let mut status = self.status.subscribe();
        loop {
            {
                let now = status.borrow_and_update();
                match (now.state, &now.last_error) {
                    (ConnectionState::Connected, _) => return Ok(()),
                    (ConnectionState::Closed, _) => return Err(Error::closed()),
                    (_, Some(error)) if error.is_permanent() => return Err(error.clone()),
                    _ => {}
                }
            }
            if status.changed().await.is_err() {
                return Err(Error::closed());
            }
        }
    }

    fn set_state(&self, state: ConnectionState, reason: Option<Error>, retry_after: Option<Duration>) {
        let told = reason.clone();
        let previous = self.status.send_replace(Status { state, last_error: reason }).state;
        if previous != state || told.is_some() {
            raise(&self.options.callbacks.state_change, StateChange { previous, state, reason: told, retry_after });
        }
    }

    /// Begins to close; the rest happens in a task of its own, so that a caller who goes away does not stop it.
    pub(crate) fn begin_close(self: &Arc<Shared>) {
        if self.closing.swap(true, Ordering::AcqRel) {
            return;
        }
        if self.started.swap(true, Ordering::AcqRel) {
            self.runtime.spawn(close(Arc::clone(self)));
        } else {
            self.finish();
        }
    }

    /// Waits until closing is done.
    pub(crate) async fn closed(&self) {
        self.reach(Stage::Closed).await;
    }

    async fn reach(&self, wanted: Stage) {
        let mut stage = self.stage.subscribe();
        while *stage.borrow_and_update() < wanted {
            if stage.changed().await.is_err() {
                return;
            }
        }
    }

    /// Ends all that waits. Called by whoever ends the last task, once or twice.
    fn finish(&self) {
        self.closing.store(true, Ordering::Release);
        self.outbox.close();
        self.close_requests();
        if self.state() != ConnectionState::Closed {
            self.set_state(ConnectionState::Closed, None, None);
        }
        self.stage.send_replace(Stage::Closed);
    }
}

async fn close(shared: Arc<Shared>) {
    if let Ok(Some(flushed)) = shared.outbox.flush() {
        // What could not be sent in time stays unsent; callers who wait for it are told.
        let _ = tokio::time::timeout(shared.options.close_timeout, flushed).await;
    }
    shared.outbox.leave();
    shared.stage.send_replace(Stage::Leaving);
    // The daemon answers BYE by closing; a daemon that does not is left.
    if tokio::time::timeout(Duration::from_secs(1), shared.closed()).await.is_err() {
        shared.stage.send_replace(Stage::Abandoned);
        shared.closed().await;
    }
}
