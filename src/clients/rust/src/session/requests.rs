//! Subscriptions and queries: what is open with the daemon, and is asked for again after a reconnect.

use super::{lock, Shared};
use crate::error::{Error, ErrorCode, ErrorKind};
use crate::subscription::channel::{Channel, Sink};
use crate::subscription::options::SubscribeOptions;
use crate::wire::{encode, MAX_QUERY};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::oneshot;

type QueryAnswer = Result<String, Error>;

/// What is open. Its lock is held while a connection is attached, so that each is asked for exactly once in each.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    last_id: u32,
    channels: HashMap<u32, Arc<Channel>>,
    queries: HashMap<u32, (String, oneshot::Sender<QueryAnswer>)>,
    closed: bool,
}

impl Requests {
    fn new_id(&mut self) -> u32 {
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            let id = self.last_id;
            if id != 0 && !self.channels.contains_key(&id) && !self.queries.contains_key(&id) {
                return id;
            }
        }
    }

    pub(crate) fn channel(&self, id: u32) -> Option<Arc<Channel>> {
        self.channels.get(&id).cloned()
    }

    pub(crate) fn remove(&mut self, id: u32) -> bool {
        self.channels.remove(&id).is_some()
    }

    pub(crate) fn take_query(&mut self, id: u32) -> Option<oneshot::Sender<QueryAnswer>> {
        self.queries.remove(&id).map(|(_, waiter)| waiter)
    }

    /// Writes what a new connection must know.
    pub(crate) fn restore(&mut self, out: &mut Vec<u8>) {
        for channel in self.channels.values() {
            channel.write_subscribe(out);
        }
        self.queries.retain(|_, (_, waiter)| !waiter.is_closed());
        for (id, (text, _)) in &self.queries {
            encode::query(out, *id, text);
        }
    }

    /// Ends all: queries find out by the loss of their sender.
    pub(crate) fn close(self) {
        for channel in self.channels.values() {
            channel.end(None);
        }
    }
}

impl Shared {
    /// Opens a subscription; returns at once.
    pub(crate) fn open(
        self: &Arc<Shared>,
        filters: Arc<[String]>,
        options: SubscribeOptions,
        sink: Sink,
    ) -> Result<Arc<Channel>, Error> {
        self.ensure_started()?;
        let mut requests = lock(&self.requests);
        if requests.closed {
            return Err(Error::closed());
        }
        let id = requests.new_id();
        let channel = Arc::new(Channel::new(id, filters, options, sink));
        requests.channels.insert(id, Arc::clone(&channel));
        self.outbox.send_control(|out| channel.write_subscribe(out));
        Ok(channel)
    }

    /// Closes a subscription, if it is still open.
    pub(crate) fn close_channel(&self, channel: &Channel) {
        channel.end(None);
        if lock(&self.requests).remove(channel.id) {
            self.outbox.send_control(|out| encode::unsubscribe(out, channel.id));
        }
    }

    pub(crate) async fn query(self: &Arc<Shared>, what: &str) -> QueryAnswer {
        if what.is_empty() || what.len() > MAX_QUERY || what.contains('\0') {
            let text = format!("A query has 1 to {MAX_QUERY} bytes without NUL, such as 'status'.");
            return Err(Error::new(ErrorKind::Query, text).with_code(ErrorCode::UNKNOWN_QUERY));
        }
        self.ensure_started()?;
        let (waiter, answer) = oneshot::channel();
        {
            let mut requests = lock(&self.requests);
            if requests.closed {
                return Err(Error::closed());
            }
            let id = requests.new_id();
            requests.queries.retain(|_, (_, waiter)| !waiter.is_closed());
            requests.queries.insert(id, (what.to_owned(), waiter));
            self.outbox.send_control(|out| encode::query(out, id, what));
        }
        answer.await.unwrap_or_else(|_| Err(Error::closed()))
    }

    /// Lets nothing more be opened and ends what is.
    pub(super) fn close_requests(&self) {
        let closed = Requests { closed: true, ..Requests::default() };
        let open = std::mem::replace(&mut *lock(&self.requests), closed);
        open.close();
    }
}
