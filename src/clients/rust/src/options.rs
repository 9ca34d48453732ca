use crate::address::Address;
use crate::client::Client;
use crate::error::Error;
use crate::events::{Callbacks, Gap, Notice, PublishLoss, StateChange};
use std::time::Duration;

const LEAST_BUFFER: usize = 1 << 20;
const LARGEST_BUFFER: usize = 1 << 30;
const MAX_TOKEN: usize = 1024;

/// Settings of a client that is about to be made.
///
/// ```no_run
/// # async fn example() -> Result<(), nexusd_client::Error> {
/// let client = nexusd_client::Client::builder()
///     .address("nexusd:5672")
///     .name("order-service")
///     .on_gap(|gap| eprintln!("{} events of {:?} are missing: {}", gap.count, gap.filters, gap.reason))
///     .connect()
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "A builder does nothing until `connect` is called."]
pub struct ClientBuilder {
    address: Option<String>,
    options: Options,
}

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) name: String,
    pub(crate) token: Vec<u8>,
    pub(crate) publish_buffer_bytes: usize,
    pub(crate) connect_timeout: Duration,
    pub(crate) acknowledge_timeout: Duration,
    pub(crate) close_timeout: Duration,
    pub(crate) reconnect_min: Duration,
    pub(crate) reconnect_max: Duration,
    pub(crate) keep_alive: Duration,
    pub(crate) callbacks: Callbacks,
}

impl Default for ClientBuilder {
    fn default() -> ClientBuilder {
        ClientBuilder {
            address: None,
            options: Options {
                name: default_name(),
                token: Vec::new(),
                publish_buffer_bytes: 8 << 20,
                connect_timeout: Duration::from_secs(5),
                acknowledge_timeout: Duration::from_secs(30),
                close_timeout: Duration::from_secs(5),
                reconnect_min: Duration::from_millis(100),
                reconnect_max: Duration::from_secs(30),
                keep_alive: Duration::from_secs(10),
                callbacks: Callbacks::default(),
            },
        }
    }
}

impl ClientBuilder {
    /// Where the daemon is: `host:port`, `host`, `[::1]:port`, `unix:/path`, `/path`, or several with commas, of which
    /// the first that answers is used. Not called: the environment variable `NEXUSD_ADDR`, else the socket of this
    /// host if there is one, else `localhost:5672`.
    pub fn address(mut self, address: impl Into<String>) -> ClientBuilder {
        self.address = Some(address.into());
        self
    }

    /// The name that `nexusctl clients` shows; at most 128 bytes count. Else: the program's name and process id.
    pub fn name(mut self, name: impl Into<String>) -> ClientBuilder {
        self.options.name = name.into();
        self
    }

    /// Proof of identity where the daemon asks for one, at most 1,024 bytes.
    pub fn token(mut self, token: impl Into<Vec<u8>>) -> ClientBuilder {
        self.options.token = token.into();
        self
    }

    /// Memory for events that were not sent or wait for an acknowledgement, 1 MiB to 1 GiB. Else: 8 MiB.
    pub fn publish_buffer_bytes(mut self, bytes: usize) -> ClientBuilder {
        self.options.publish_buffer_bytes = bytes;
        self
    }

    /// How long one attempt to connect may take, greeting included. Else: 5 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> ClientBuilder {
        self.options.connect_timeout = timeout;
        self
    }

    /// How long an acknowledgement may take. Else: 30 s.
    pub fn acknowledge_timeout(mut self, timeout: Duration) -> ClientBuilder {
        self.options.acknowledge_timeout = timeout;
        self
    }

    /// How long closing may go on sending what is buffered. Else: 5 s.
    pub fn close_timeout(mut self, timeout: Duration) -> ClientBuilder {
        self.options.close_timeout = timeout;
        self
    }

    /// The bounds of the wait before the next attempt: it doubles from the first to the second. Else: 100 ms, 30 s.
    pub fn reconnect(mut self, min: Duration, max: Duration) -> ClientBuilder {
        self.options.reconnect_min = min;
        self.options.reconnect_max = max;
        self
    }

    /// After so much time without traffic from here the daemon is asked for a sign of life; three times that without
    /// any from it, and the connection counts as broken. Else: 10 s.
    pub fn keep_alive(mut self, time: Duration) -> ClientBuilder {
        self.options.keep_alive = time;
        self
    }

    /// Called when the connection is made, lost or closed.
    ///
    /// This and the other callbacks run in the client's own task, in the order in which things happened. They must
    /// return quickly; a panic in them ends neither the connection nor the client.
    pub fn on_state_change(mut self, callback: impl Fn(StateChange) + Send + Sync + 'static) -> ClientBuilder {
        self.options.callbacks.state_change = Some(Box::new(callback));
        self
    }

    /// Called when events were lost that a subscription of this client would have got.
    pub fn on_gap(mut self, callback: impl Fn(Gap) + Send + Sync + 'static) -> ClientBuilder {
        self.options.callbacks.gap = Some(Box::new(callback));
        self
    }

    /// Called when events that this client published were dropped on their way.
    pub fn on_publish_loss(mut self, callback: impl Fn(PublishLoss) + Send + Sync + 'static) -> ClientBuilder {
        self.options.callbacks.publish_loss = Some(Box::new(callback));
        self
    }

    /// Called when the daemon refused a fire-and-forget event, or is leaving.
    pub fn on_notice(mut self, callback: impl Fn(Notice) + Send + Sync + 'static) -> ClientBuilder {
        self.options.callbacks.notice = Some(Box::new(callback));
        self
    }

    /// Makes the client. It does no I/O and does not fail when the daemon is down: the client connects when it is
    /// first used, and again by itself after a loss.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) for an address or setting that makes no sense, and outside
    /// of a tokio runtime.
    pub async fn connect(self) -> Result<Client, Error> {
        let address = match &self.address {
            Some(text) => Address::parse(text)?,
            None => Address::from_environment()?,
        };
        self.options.check()?;
        let runtime = tokio::runtime::Handle::try_current()
            .map_err(|_| Error::argument("A client needs a tokio runtime: call connect inside of one."))?;
        Ok(Client::start(address, self.options.bounded(), runtime))
    }
}

impl Options {
    fn check(&self) -> Result<(), Error> {
        if !(LEAST_BUFFER..=LARGEST_BUFFER).contains(&self.publish_buffer_bytes) {
            return Err(Error::argument(format!(
                "publish_buffer_bytes is {}; choose 1 MiB to 1 GiB.",
                self.publish_buffer_bytes
            )));
        }
        if self.token.len() > MAX_TOKEN {
            return Err(Error::argument("The token is longer than 1,024 bytes."));
        }
        if self.reconnect_min.is_zero() || self.reconnect_min > self.reconnect_max {
            return Err(Error::argument("The bounds of reconnect must be above 0, the first not above the second."));
        }
        for (name, time) in [("connect_timeout", self.connect_timeout), ("keep_alive", self.keep_alive)] {
            if time.is_zero() {
                return Err(Error::argument(format!("{name} must be above 0.")));
            }
        }
        Ok(())
    }

    fn bounded(mut self) -> Options {
        self.name.retain(|c| c != '\0');
        let mut most = 128.min(self.name.len());
        while !self.name.is_char_boundary(most) {
            most -= 1;
        }
        self.name.truncate(most);
        self
    }
}

fn default_name() -> String {
    let program = std::env::args_os().next().unwrap_or_default();
    let program = std::path::Path::new(&program).file_name().map(|name| name.to_string_lossy().into_owned());
    format!("{}-{}", program.unwrap_or_else(|| "rust".to_owned()), std::process::id())
}
