use crate::address::Address;
use crate::error::{Error, ErrorCode, ErrorKind};
use crate::events::{ConnectionState, DaemonInfo, PublishResult, Statistics};
use crate::options::{ClientBuilder, Options};
use crate::outbox::{AckOutcome, Event};
use crate::publish_request::PublishRequest;
use crate::requests::Inbox;
use crate::session::Shared;
use crate::subscription::channel::Sink;
use crate::subscription::options::SubscribeOptions;
use crate::subscription::Subscription;
use crate::topics;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime;

/// A client of nexusd: one connection, on which many tasks publish and subscribe at the same time.
///
/// It is cheap to clone; all clones are the same client. It connects when it is first used and again by itself after a
/// loss, with every subscription that was open. When the last clone and the last [`Subscription`] are dropped, it
/// closes in the background; call [`close`](Client::close) or [`flush`](Client::flush) before the program ends, or
/// what was published last may not have been sent.
#[derive(Clone)]
pub struct Client {
    handle: Arc<Handle>,
}

/// What keeps a client open: its clones and its subscriptions hold it.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) shared: Arc<Shared>,
    pub(crate) inbox: Mutex<Option<Arc<Inbox>>>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.begin_close();
    }
}

impl Client {
    /// Makes a client for a daemon. It gives the client at once, also when the daemon is down:
    /// [`wait_ready`](Client::wait_ready) waits for it.
    ///
    /// The address is `host:port`, `host` (port 5672), `[::1]:port`, `unix:/path` or `/path`, or several with commas,
    /// of which the first that answers is used.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`] for an address of another form, and outside of a tokio runtime.
    pub async fn connect(address: &str) -> Result<Client, Error> {
        Client::builder().address(address).connect().await
    }

    /// Makes a client for the daemon that the environment variable `NEXUSD_ADDR` names, else the one of this host.
    ///
    /// # Errors
    /// As for [`connect`](Client::connect).
    pub async fn connect_default() -> Result<Client, Error> {
        Client::builder().connect().await
    }

    /// Makes a client with settings and callbacks.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    pub(crate) fn start(address: Address, options: Options, runtime: runtime::Handle) -> Client {
        let shared = Shared::new(address, options, runtime);
        Client { handle: Arc::new(Handle { shared, inbox: Mutex::new(None) }) }
    }

    pub(crate) fn handle(&self) -> &Arc<Handle> {
        &self.handle
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }

    pub(crate) fn last_error(&self) -> Option<Error> {
        self.shared().last_error()
    }

    /// Publishes an event, fire and forget: returns when it is in the publish buffer. Waits only while that is full
    /// and the daemon is there.
    ///
    /// # Errors
    /// [`ErrorKind::Publish`] for a bad topic or too large a payload, [`ErrorKind::BufferFull`] when the buffer is
    /// full and the daemon away, [`ErrorKind::Closed`].
    pub async fn publish(&self, topic: &str, payload: impl AsRef<[u8]>) -> Result<(), Error> {
        self.shared().ensure_started()?;
        let event = Event { topic, payload: payload.as_ref(), flags: 0, properties: &[] };
        self.shared().outbox.publish(&event).await
    }

    /// The same without ever waiting, for code that is not async.
    ///
    /// # Errors
    /// As for [`publish`](Client::publish); [`ErrorKind::BufferFull`] also while the daemon is there.
    pub fn try_publish(&self, topic: &str, payload: impl AsRef<[u8]>) -> Result<(), Error> {
        self.shared().ensure_started()?;
        let event = Event { topic, payload: payload.as_ref(), flags: 0, properties: &[] };
        self.shared().outbox.try_publish(&event)
    }

    /// Publishes many events of one topic, fire and forget: faster than one by one.
    ///
    /// # Errors
    /// As for [`publish`](Client::publish). A bad topic or payload is found before anything is taken; of a full buffer
    /// [`Error::taken`] says how many events were.
    pub async fn publish_many<P: AsRef<[u8]>>(&self, topic: &str, payloads: &[P]) -> Result<(), Error> {
        self.shared().ensure_started()?;
        self.shared().outbox.publish_many(topic, payloads).await
    }

    /// Publishes an event with properties, fire and forget, as [`publish`](Client::publish) does.
    ///
    /// # Errors
    /// As for [`publish`](Client::publish).
    pub async fn enqueue(&self, request: PublishRequest) -> Result<(), Error> {
        self.shared().ensure_started()?;
        let properties = request.properties()?;
        self.shared().outbox.publish(&event_of(&request, &properties)).await
    }

    /// Publishes an event and waits until the local daemon has acknowledged it. That says to how many subscriptions
    /// and nodes it was given, not that a subscriber has it. While the daemon is away the event waits in the buffer;
    /// when the connection breaks it is sent again and the daemon drops what it had.
    ///
    /// # Errors
    /// As for [`publish`](Client::publish); [`ErrorKind::Publish`] with the daemon's code where it refuses;
    /// [`ErrorKind::Timeout`] after 30 s, when the event may still be delivered.
    pub async fn publish_with(&self, request: PublishRequest) -> Result<PublishResult, Error> {
        self.shared().ensure_started()?;
        let properties = request.properties()?;
        let timeout = self.shared().options.acknowledge_timeout;
        let acknowledged = async {
            let answer = self.shared().outbox.publish_acknowledged(&event_of(&request, &properties)).await?;
            answer.await.map_err(|_| Error::closed())
        };
        match tokio::time::timeout(timeout, acknowledged).await {
            Ok(Ok(outcome)) => result_of(outcome),
            Ok(Err(error)) => Err(error),
            Err(_) => {
                let hint = self.last_error().map_or("Is nexusd overloaded?".to_owned(), |error| error.to_string());
                let text = format!(
                    "The daemon did not acknowledge the event within {timeout:?}; it may still be delivered. {hint}"
                );
                Err(Error::new(ErrorKind::Timeout, text))
            }
        }
    }

    /// Waits until the daemon has taken all that was published before.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`].
    pub async fn flush(&self) -> Result<(), Error> {
        self.shared().ensure_started()?;
        match self.shared().outbox.flush()? {
            Some(done) => done.await.map_err(|_| Error::closed()),
            None => Ok(()),
        }
    }

    /// Subscribes to the events of 1 to 1,024 filters. Returns at once; [`Subscription::ready`] waits until the daemon
    /// has confirmed.
    ///
    /// # Errors
    /// [`ErrorKind::Subscribe`] for a bad filter, [`ErrorKind::Closed`].
    ///
    /// ```no_run
    /// # async fn example(client: nexusd_client::Client) -> Result<(), nexusd_client::Error> {
    /// let mut stream = client.subscribe(&["sensors/*/pm25", "alerts/#"]).await?;
    /// while let Some(message) = stream.next().await {
    ///     println!("{}: {} bytes", message.topic, message.payload.len());
    /// }
    /// # Ok(()) }
    /// ```
    pub async fn subscribe<S: AsRef<str>>(&self, filters: &[S]) -> Result<Subscription, Error> {
        self.subscribe_with(filters, SubscribeOptions::default()).await
    }

    /// The same with settings.
    ///
    /// # Errors
    /// As for [`subscribe`](Client::subscribe), and [`ErrorKind::Argument`] for settings out of range.
    pub async fn subscribe_with<S: AsRef<str>>(
        &self,
        filters: &[S],
        options: SubscribeOptions,
    ) -> Result<Subscription, Error> {
        let filters = options.filters(filters)?;
        let channel = self.shared().open(filters, options, Sink::Queue)?;
        Ok(Subscription::new(Arc::clone(&self.handle), channel))
    }

    /// Asks the daemon for its state as JSON: `status`, `peers`, `topics`, `clients` or `retained`, the last also with
    /// a filter behind a blank. While the daemon is away it waits.
    ///
    /// # Errors
    /// [`ErrorKind::Query`] where the daemon does not know the query, [`ErrorKind::Closed`].
    pub async fn query(&self, what: &str) -> Result<String, Error> {
        self.shared().query(what).await
    }

    /// Waits until the daemon is connected.
    ///
    /// # Errors
    /// [`ErrorKind::Connection`] with the reason of the last attempt: when the time is over, or at once if that will
    /// not change by waiting ([`Error::is_permanent`]). The client goes on trying. [`ErrorKind::Closed`].
    pub async fn wait_ready(&self, timeout: Duration) -> Result<(), Error> {
        self.shared().wait_ready(timeout).await
    }

    /// Sends what is buffered, for 5 s at most, says good-bye, and ends all calls and subscriptions. Closing twice is
    /// harmless.
    pub async fn close(&self) {
        self.shared().begin_close();
        self.shared().closed().await;
    }

    /// Where the client is in its life.
    pub fn state(&self) -> ConnectionState {
        self.shared().state()
    }

    /// The daemon that the client is, or was last, connected to.
    pub fn daemon(&self) -> Option<DaemonInfo> {
        self.shared().daemon()
    }

    /// Counters since the client was made.
    pub fn statistics(&self) -> Statistics {
        self.shared().statistics()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("address", &self.shared().address.to_string())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

fn event_of<'a>(request: &'a PublishRequest, properties: &'a [u8]) -> Event<'a> {
    Event { topic: &request.topic, payload: &request.payload, flags: request.flags(), properties }
}

/// Finds what is wrong with a request before anything is done for it.
pub(crate) fn check(request: &PublishRequest) -> Result<(), Error> {
    request.properties()?;
    topics::check_name(request.topic.as_bytes()).map(drop).map_err(|problem| {
        let text = format!("Cannot publish to '{}': {problem}.", topics::shown(&request.topic));
        Error::new(ErrorKind::Publish, text).with_code(ErrorCode::BAD_TOPIC)
    })
}

fn result_of(outcome: AckOutcome) -> Result<PublishResult, Error> {
    let AckOutcome { code, number, local, peers } = outcome;
    let code = ErrorCode(code);
    let text = match code {
        ErrorCode(0) => return Ok(PublishResult { local, peers, number }),
        ErrorCode::BAD_TOPIC => "The daemon refused the topic: see docs/protocol/topics.md for what a name may hold.",
        ErrorCode::PAYLOAD_TOO_LARGE => {
            "The daemon refused the payload as too large: send less, or raise its --max-payload."
        }
        ErrorCode::FORBIDDEN => {
            "The daemon does not let this client publish to the topic: ask for the right, or change the topic."
        }
        ErrorCode::SHUTTING_DOWN => "The daemon is leaving and took no more events: publish again when it is back.",
        _ => {
            return Err(Error::new(ErrorKind::Publish, format!("The daemon refused the event: {code}.")).with_code(code))
        }
    };
    Err(Error::new(ErrorKind::Publish, text).with_code(code))
}
