//! Requests and replies: one subscription takes the replies to all requests of a client.

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::events::PublishResult;
use crate::message::Message;
use crate::publish_request::PublishRequest;
use crate::random;
use crate::session::lock;
use crate::subscription::channel::{Channel, Sink};
use crate::subscription::options::SubscribeOptions;
use crate::subscription::run::Run;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout_at, Instant};

const FIRST_RETRY: Duration = Duration::from_millis(5);
const LAST_RETRY: Duration = Duration::from_secs(1);

/// Requests that wait, by the counter in their reply topic.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    state: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    last: u64,
    waiters: HashMap<u64, oneshot::Sender<Message>>,
}

impl Replies {
    fn begin(&self) -> (u64, oneshot::Receiver<Message>) {
        let (waiter, reply) = oneshot::channel();
        let mut state = lock(&self.state);
        state.last += 1;
        let counter = state.last;
        state.waiters.insert(counter, waiter);
        (counter, reply)
    }

    /// Gives a reply to whoever waits for it; a late one is ignored.
    pub(crate) fn deliver(&self, mut run: Run) {
        let counter = run.topic.rsplit('/').next().and_then(|counter| counter.parse().ok());
        let waiter = counter.and_then(|counter: u64| lock(&self.state).waiters.remove(&counter));
        if let Some(waiter) = waiter {
            let at = run.body();
            let _ = waiter.send(Message::new(&mut run, 0, at).0);
        }
    }
}

/// Takes a request off the list, however its future ends.
struct Pending<'a> {
    replies: &'a Replies,
    counter: u64,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        lock(&self.replies.state).waiters.remove(&self.counter);
    }
}

/// The subscription of a client that takes replies.
#[derive(Debug)]
pub(crate) struct Inbox {
    prefix: String,
    replies: Arc<Replies>,
    channel: Arc<Channel>,
}

impl Client {
    /// Publishes a request and waits for one reply, 5 s at most.
    ///
    /// # Errors
    /// [`ErrorKind::NoResponder`] at once when nobody gets the request, [`ErrorKind::Timeout`] when no reply came in
    /// time, and those of [`publish_with`](Client::publish_with).
    ///
    /// ```no_run
    /// # async fn example(client: nexusd_client::Client) -> Result<(), nexusd_client::Error> {
    /// let reply = client.request("prices/get", "ACME").await?;
    /// println!("{}", String::from_utf8_lossy(&reply.payload));
    /// # Ok(()) }
    /// ```
    pub async fn request(&self, topic: &str, payload: impl Into<Bytes>) -> Result<Message, Error> {
        self.request_within(PublishRequest::new(topic, payload), Duration::from_secs(5)).await
    }

    /// The same with other properties and another time. The reply topic is set here, and the correlation id where the
    /// request has none.
    ///
    /// # Errors
    /// As for [`request`](Client::request).
    pub async fn request_within(&self, request: PublishRequest, timeout: Duration) -> Result<Message, Error> {
        // Checked first, so that a mistake is told at once.
        crate::client::check(&request)?;
        let topic = request.topic.clone();
        match timeout_at(Instant::now() + timeout, self.ask(request)).await {
            Ok(result) => result,
            Err(_) => {
                let text = format!("No reply to the request on '{topic}' came within {timeout:?}.");
                let hint = self.last_error().map_or(String::new(), |error| format!(" {error}"));
                Err(Error::new(ErrorKind::Timeout, text + &hint))
            }
        }
    }

    async fn ask(&self, request: PublishRequest) -> Result<Message, Error> {
        let inbox = self.inbox()?;
        inbox.channel.ready().await?;
        let (counter, reply) = inbox.replies.begin();
        let pending = Pending { replies: &inbox.replies, counter };
        let topic = request.topic.clone();
        let request = request
            .reply_topic(format!("{}{counter}", inbox.prefix))
            .or_correlation_id(format!("{}{counter}", &inbox.prefix["$reply/".len()..]));
        let result = self.publish_with(request).await?;
        if result.local == 0 && result.peers == 0 {
            let text =
                format!("Nobody answers requests on '{topic}': start the service that does, or check the topic.");
            return Err(Error::new(ErrorKind::NoResponder, text));
        }
        let message = reply.await.map_err(|_| Error::closed());
        drop(pending);
        message
    }

    fn inbox(&self) -> Result<Arc<Inbox>, Error> {
        let mut place = lock(&self.handle().inbox);
        if let Some(inbox) = &*place {
            if inbox.channel.error().is_none() {
                return Ok(Arc::clone(inbox));
            }
        }
        let prefix = format!("$reply/{:016x}/", random::number());
        let replies = Arc::new(Replies::default());
        let options = SubscribeOptions::new().receive_retained(false);
        let filters = options.filters(&[format!("{prefix}*")])?;
        let channel = self.handle().shared.open(filters, options, Sink::Replies(Arc::clone(&replies)))?;
        let inbox = Arc::new(Inbox { prefix, replies, channel });
        *place = Some(Arc::clone(&inbox));
        Ok(inbox)
    }

    /// Answers a message that was published as a request. As the interest in the reply may reach this node a moment
    /// later than the request, it is published again for up to a second while nobody gets it.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`] when the message has no reply topic, and those of
    /// [`publish_with`](Client::publish_with).
    pub async fn reply(&self, message: &Message, payload: impl Into<Bytes>) -> Result<PublishResult, Error> {
        let topic = message.reply_topic().ok_or_else(|| {
            Error::argument(format!("The message on '{}' has no reply topic: it is no request.", message.topic))
        })?;
        let mut reply = PublishRequest::new(topic, payload);
        if let Some(id) = message.correlation_id() {
            reply = reply.correlation_id(id);
        }
        let mut wait = FIRST_RETRY;
        let last = Instant::now() + LAST_RETRY;
        loop {
            let result = self.publish_with(reply.clone()).await?;
            if result.local > 0 || result.peers > 0 || Instant::now() + wait > last {
                return Ok(result);
            }
            sleep(wait).await;
            wait *= 2;
        }
    }
}
