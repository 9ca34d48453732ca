use crate::error::{Error, ErrorCode, ErrorKind};
use crate::topics;
use crate::wire::MAX_FILTERS;
use std::sync::Arc;
use std::time::Duration;

const LEAST_RECEIVE_BUFFER: usize = 64 * 1024;
const LARGEST_RECEIVE_BUFFER: usize = 1 << 30;

/// What the daemon does when a subscription's queue there is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Overflow {
    /// Drops the events that waited longest.
    DropOldest,
    /// Drops what does not fit.
    DropNewest,
    /// Holds the publishers up, for the block time-out at most.
    Block,
    /// Keeps only the latest event of each topic.
    Conflate,
}

/// How a group chooses who gets an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Strategy {
    /// By topic: the same member for a topic, on all nodes.
    Sticky,
    /// One after the other.
    RoundRobin,
    /// The member for which the least waits.
    LeastPending,
    /// A member at the publisher's node where there is one.
    LocalFirst,
}

/// Settings of a subscription.
///
/// ```
/// use nexusd_client::{Overflow, SubscribeOptions};
/// let options = SubscribeOptions::new().group("shipping").overflow(Overflow::DropNewest);
/// ```
#[derive(Clone, Debug)]
#[must_use = "Give the options to `Client::subscribe_with`."]
pub struct SubscribeOptions {
    pub(crate) receive_retained: bool,
    pub(crate) resume: bool,
    pub(crate) group: Option<String>,
    pub(crate) strategy: Option<Strategy>,
    pub(crate) overflow: Option<Overflow>,
    pub(crate) block_timeout: Option<Duration>,
    pub(crate) queue_events: u32,
    pub(crate) queue_bytes: u32,
    pub(crate) receive_buffer_bytes: usize,
}

impl Default for SubscribeOptions {
    fn default() -> SubscribeOptions {
        SubscribeOptions {
            receive_retained: true,
            resume: true,
            group: None,
            strategy: None,
            overflow: None,
            block_timeout: None,
            queue_events: 0,
            queue_bytes: 0,
            receive_buffer_bytes: 1 << 20,
        }
    }
}

impl SubscribeOptions {
    /// The default settings.
    pub fn new() -> SubscribeOptions {
        SubscribeOptions::default()
    }

    /// Whether retained events come first. Else: yes.
    pub fn receive_retained(mut self, yes: bool) -> SubscribeOptions {
        self.receive_retained = yes;
        self
    }

    /// Whether to ask, after a reconnect, for what was published meanwhile. Else: yes.
    pub fn resume(mut self, yes: bool) -> SubscribeOptions {
        self.resume = yes;
        self
    }

    /// Shares the events with the other members of a group, each event to one of them.
    pub fn group(mut self, group: impl Into<String>) -> SubscribeOptions {
        self.group = Some(group.into());
        self
    }

    /// How the group chooses. Else: sticky, or what other members ask for.
    pub fn strategy(mut self, strategy: Strategy) -> SubscribeOptions {
        self.strategy = Some(strategy);
        self
    }

    /// What the daemon does when the queue there is full. Else: as the daemon was told.
    pub fn overflow(mut self, overflow: Overflow) -> SubscribeOptions {
        self.overflow = Some(overflow);
        self
    }

    /// How long [`Overflow::Block`] holds publishers up, 10 minutes at most. Else: as the daemon was told.
    pub fn block_timeout(mut self, timeout: Duration) -> SubscribeOptions {
        self.block_timeout = Some(timeout);
        self
    }

    /// Bound of the daemon's queue in events; 0: the daemon's default.
    pub fn queue_events(mut self, events: u32) -> SubscribeOptions {
        self.queue_events = events;
        self
    }

    /// Bound of the daemon's queue in bytes; 0: the daemon's default.
    pub fn queue_bytes(mut self, bytes: u32) -> SubscribeOptions {
        self.queue_bytes = bytes;
        self
    }

    /// How many bytes may wait in this process, at least 64 KiB. Else: 1 MiB.
    pub fn receive_buffer_bytes(mut self, bytes: usize) -> SubscribeOptions {
        self.receive_buffer_bytes = bytes;
        self
    }

    pub(crate) fn block_timeout_ms(&self) -> Option<u32> {
        self.block_timeout.map(|timeout| u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX))
    }

    fn check(&self) -> Result<(), Error> {
        if (LEAST_RECEIVE_BUFFER..=LARGEST_RECEIVE_BUFFER).contains(&self.receive_buffer_bytes) {
            return Ok(());
        }
        let text = format!("receive_buffer_bytes is {}; choose 64 KiB to 1 GiB.", self.receive_buffer_bytes);
        Err(Error::argument(text))
    }

    /// Checks the filters and puts the group before them.
    pub(crate) fn filters<S: AsRef<str>>(&self, filters: &[S]) -> Result<Arc<[String]>, Error> {
        self.check()?;
        if filters.is_empty() || filters.len() > MAX_FILTERS {
            let text = format!("A subscription has 1 to {MAX_FILTERS} filters, not {}.", filters.len());
            return Err(Error::new(ErrorKind::Subscribe, text).with_code(ErrorCode::OVER_LIMIT));
        }
        let filters: Vec<String> = filters
            .iter()
            .map(|filter| match &self.group {
                Some(group) => format!("$share/{group}/{}", filter.as_ref()),
                None => filter.as_ref().to_owned(),
            })
            .collect();
        let of_groups = filters.iter().filter(|filter| topics::is_group(filter)).count();
        if of_groups != 0 && of_groups != filters.len() {
            let text = "Filters of groups ($share/<group>/...) and plain ones cannot be mixed: use two subscriptions.";
            return Err(Error::new(ErrorKind::Subscribe, text).with_code(ErrorCode::BAD_FILTER));
        }
        for filter in &filters {
            topics::check_filter(filter.as_bytes()).map_err(|problem| {
                let text = format!("Cannot subscribe to '{}': {problem}.", topics::shown(filter));
                Error::new(ErrorKind::Subscribe, text).with_code(ErrorCode::BAD_FILTER)
            })?;
        }
        Ok(filters.into())
    }
}
