//! What the callbacks of a client are told, and what its calls tell about it.

use crate::error::{DropReason, Error, ErrorCode};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Where a client is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectionState {
    /// Made and not used: no I/O was done.
    Idle,
    /// The first attempt is under way.
    Connecting,
    /// The daemon answered.
    Connected,
    /// The connection or an attempt failed; the next attempt is due.
    Reconnecting,
    /// Closed by the application; final.
    Closed,
}

impl fmt::Display for ConnectionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ConnectionState::Idle => "idle",
            ConnectionState::Connecting => "connecting",
            ConnectionState::Connected => "connected",
            ConnectionState::Reconnecting => "reconnecting",
            ConnectionState::Closed => "closed",
        })
    }
}

/// The client went from one state to another, or another attempt failed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StateChange {
    /// The state before.
    pub previous: ConnectionState,
    /// The state now.
    pub state: ConnectionState,
    /// Why, where the connection or an attempt failed.
    pub reason: Option<Error>,
    /// When the next attempt is due, where one is.
    pub retry_after: Option<Duration>,
}

/// Events that a subscription would have got were lost.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Gap {
    /// The filters of the subscription.
    pub filters: Arc<[String]>,
    /// Whose events; 0: of many publishers, and then only the count is exact.
    pub publisher: u64,
    /// The first number that may be missing.
    pub from: u64,
    /// The last number that may be missing.
    pub to: u64,
    /// How many are missing; with [`DropReason::MISSED`] it may be too high.
    pub count: u64,
    /// Why.
    pub reason: DropReason,
    /// The node that dropped them.
    pub node: String,
}

/// Events that this client published were dropped on their way.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PublishLoss {
    /// The first number of the range.
    pub from: u64,
    /// The last number of the range.
    pub to: u64,
    /// How many deliveries were dropped; an event dropped for three subscriptions counts three.
    pub count: u64,
    /// Why.
    pub reason: DropReason,
    /// The node that dropped them.
    pub node: String,
}

/// The daemon refused something that nobody waits for, or is leaving.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Notice {
    /// The code of the protocol; `shutting_down` where the daemon leaves.
    pub code: ErrorCode,
    /// For a refused event its number.
    pub reference: u64,
    /// What the daemon says.
    pub text: String,
}

/// What the local daemon did with an event that it acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublishResult {
    /// Subscriptions at this daemon that the event was queued for.
    pub local: u32,
    /// Other nodes that the event was queued for.
    pub peers: u32,
    /// The number of the event among those of this publisher.
    pub number: u64,
}

/// Counters of a client since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Events that were taken into the publish buffer.
    pub published: u64,
    /// Publishes that found the buffer full.
    pub refused: u64,
    /// Events that came.
    pub received: u64,
    /// Events that the daemon told as lost to subscriptions of this client.
    pub lost: u64,
    /// Fire-and-forget events that were written when a connection broke, and perhaps were not taken.
    pub in_doubt: u64,
    /// Connections that were greeted.
    pub connections: u64,
    /// Bytes that wait in the publish buffer.
    pub buffered_bytes: u64,
}

/// The daemon that the client is, or was last, connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DaemonInfo {
    /// The node's id, in hexadecimal digits.
    pub node_id: String,
    /// The node's name.
    pub node_name: String,
    /// The cluster that it belongs to.
    pub cluster: String,
    /// The daemon's version.
    pub version: String,
    /// The largest payload that it takes.
    pub max_payload: u32,
    /// The id under which this client publishes.
    pub publisher: u64,
}

type Callback<T> = Option<Box<dyn Fn(T) + Send + Sync>>;

/// The callbacks of a client.
#[derive(Default)]
pub(crate) struct Callbacks {
    pub(crate) state_change: Callback<StateChange>,
    pub(crate) gap: Callback<Gap>,
    pub(crate) publish_loss: Callback<PublishLoss>,
    pub(crate) notice: Callback<Notice>,
}

impl fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Callbacks")
    }
}

/// Calls a callback. What it throws must end neither the connection nor the client.
pub(crate) fn raise<T>(callback: &Callback<T>, told: T) {
    if let Some(callback) = callback {
        let call = std::panic::AssertUnwindSafe(|| callback(told));
        if std::panic::catch_unwind(call).is_err() {
            // The panic hook has said where; the connection goes on.
        }
    }
}
