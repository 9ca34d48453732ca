//! Making connections, and making them again.

use super::handshake::{self, Identity};
use super::read_buffer::ReadBuffer;
use super::receive::Receiver;
use super::socket::Socket;
use super::{Shared, Stage};
use crate::address::{Address, EndPoint, VARIABLE};
use crate::error::{Error, ErrorKind};
use crate::events::{ConnectionState, DaemonInfo};
use crate::race::{poll_fn, unless};
use crate::random;
use crate::wire::decode::Welcome;
use std::future::Future;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

/// The wait before the next attempt: random below a bound that doubles.
#[derive(Debug)]
struct Backoff {
    min: Duration,
    max: Duration,
    bound: Duration,
}

impl Backoff {
    fn new(min: Duration, max: Duration) -> Backoff {
        Backoff { min, max, bound: min }
    }

    fn reset(&mut self) {
        self.bound = self.min;
    }

    fn next(&mut self, fraction: f64) -> Duration {
        let least = self.min / 10;
        let wait = least + (self.bound - least).mul_f64(fraction);
        self.bound = (self.bound * 2).min(self.max);
        wait
    }
}

/// Ends the client when its task ends, also when the runtime does.
struct Finish(Arc<Shared>);

impl Drop for Finish {
    fn drop(&mut self) {
        self.0.finish();
    }
}

/// The reading task of a client.
pub(crate) async fn run(shared: Arc<Shared>) {
    let finish = Finish(shared);
    let shared = &finish.0;
    let mut backoff = Backoff::new(shared.options.reconnect_min, shared.options.reconnect_max);
    let mut buffer = ReadBuffer::new();
    let mut publisher = 0;
    shared.set_state(ConnectionState::Connecting, None, None);
    while *shared.stage.borrow() == Stage::Open {
        let attempt = connect(shared, &mut buffer, publisher);
        let reason = match unless(attempt, shared.reach(Stage::Leaving)).await {
            None => break,
            Some(Err(reason)) => reason,
            Some(Ok((socket, welcome))) => {
                publisher = welcome.publisher;
                let end = serve(shared, &mut buffer, socket, &welcome, &mut backoff).await;
                shared.outbox.detach(end.as_ref().map_or(false, |end| end.is_orderly)).await;
                end.map(|end| end.reason).unwrap_or_else(|| {
                    publisher = 0;
                    let text = "The daemon takes smaller events than the one before; connecting again.";
                    Error::new(ErrorKind::Connection, text)
                })
            }
        };
        if *shared.stage.borrow() != Stage::Open {
            break;
        }
        let wait = backoff.next(random::fraction());
        shared.set_state(ConnectionState::Reconnecting, Some(reason), Some(wait));
        unless(tokio::time::sleep(wait), shared.reach(Stage::Leaving)).await;
    }
}

async fn connect(
    shared: &Arc<Shared>,
    buffer: &mut ReadBuffer,
    publisher: u64,
) -> Result<(Arc<Socket>, Welcome), Error> {
    let timeout = shared.options.connect_timeout;
    let places = match tokio::time::timeout(timeout, shared.address.resolve()).await {
        Ok(places) => places?,
        Err(_) => return Err(timed_out(shared)),
    };
    let mut failure: Option<io::Error> = None;
    let mut refusal: Option<Error> = None;
    for place in &places {
        let identity = Identity { publisher, next_number: shared.outbox.first_number_to_send() };
        match tokio::time::timeout(timeout, attempt(shared, buffer, place, identity)).await {
            Ok(Ok(connected)) => return Ok(connected),
            Ok(Err(Attempt::Refused(error))) => refusal = Some(error),
            // Of several places the one that was refused says more than the one that does not exist here.
            Ok(Err(Attempt::Unreachable(error))) => {
                if failure.is_none() || error.kind() == io::ErrorKind::ConnectionRefused {
                    failure = Some(error);
                }
            }
            Err(_) => refusal = refusal.or_else(|| Some(timed_out(shared))),
        }
    }
    Err(refusal.unwrap_or_else(|| unreachable(shared, &places, failure)))
}

enum Attempt {
    Unreachable(io::Error),
    Refused(Error),
}

async fn attempt(
    shared: &Arc<Shared>,
    buffer: &mut ReadBuffer,
    place: &EndPoint,
    identity: Identity,
) -> Result<(Arc<Socket>, Welcome), Attempt> {
    let socket = Socket::connect(place).await.map_err(Attempt::Unreachable)?;
    let welcome = handshake::run(&socket, buffer, &shared.address, &shared.options, identity).await;
    Ok((Arc::new(socket), welcome.map_err(Attempt::Refused)?))
}

fn timed_out(shared: &Shared) -> Error {
    let (address, timeout) = (&shared.address, shared.options.connect_timeout);
    let text = format!("{address} did not answer within {timeout:?}. {}", start_it());
    Error::new(ErrorKind::Connection, text)
}

fn start_it() -> String {
    format!("Start nexusd, or give the right address (argument or {VARIABLE}).")
}

fn unreachable(shared: &Shared, places: &[EndPoint], failure: Option<io::Error>) -> Error {
    let address: &Address = &shared.address;
    let is_path = matches!(places, [EndPoint::Unix(_)]);
    let text = match failure {
        None => format!("{address} has no address to connect to."),
        Some(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused => format!("Nothing listens at {address}."),
            io::ErrorKind::NotFound if is_path => format!("There is no socket at {address}."),
            io::ErrorKind::PermissionDenied => {
                format!("This user may not connect to {address}: check the socket's permissions and the user's groups.")
            }
            _ => format!("Cannot connect to {address}: {error}."),
        },
    };
    Error::new(ErrorKind::Connection, format!("{text} {}", start_it()))
}

/// Serves a connection until it ends; tells why. None: this daemon takes less than the one before.
async fn serve(
    shared: &Arc<Shared>,
    buffer: &mut ReadBuffer,
    socket: Arc<Socket>,
    welcome: &Welcome,
    backoff: &mut Backoff,
) -> Option<End> {
    *super::lock(&shared.daemon) = Some(DaemonInfo {
        node_id: welcome.node_id.iter().map(|b| format!("{b:02x}")).collect(),
        node_name: welcome.node_name.clone(),
        cluster: welcome.cluster.clone(),
        version: welcome.version.clone(),
        max_payload: welcome.max_payload,
        publisher: welcome.publisher,
    });
    let is_attached = {
        // Held so that each subscription is asked for once: here, or by whoever opens it.
        let mut requests = super::lock(&shared.requests);
        shared.outbox.attach(Arc::clone(&socket), welcome, |control| requests.restore(control))
    };
    if !is_attached {
        return None;
    }
    shared.connections.fetch_add(1, Ordering::Relaxed);
    backoff.reset();
    shared.set_state(ConnectionState::Connected, None, None);
    Some(read_until_end(shared, buffer, &socket, welcome).await)
}

async fn read_until_end(shared: &Arc<Shared>, buffer: &mut ReadBuffer, socket: &Socket, welcome: &Welcome) -> End {
    let mut idle = shared.options.keep_alive;
    if welcome.idle_timeout_ms > 0 {
        let third = Duration::from_millis(u64::from(welcome.idle_timeout_ms) / 3);
        idle = idle.min(third.max(Duration::from_millis(100)));
    }
    let silence = shared.options.keep_alive * 3;
    let tick = (idle / 4).max(Duration::from_millis(10)).min(Duration::from_millis(250));
    let mut ticks = tokio::time::interval(tick);
    let mut receiver = Receiver::new(Arc::clone(shared), welcome.node_name.clone());
    let mut last_received = Instant::now();
    let abandoned = shared.reach(Stage::Abandoned);
    tokio::pin!(abandoned);
    loop {
        // The first time, something may have come together with WELCOME.
        if let Err(problem) = receiver.take_frames(buffer) {
            return problem.into();
        }
        let next = poll_fn(|cx| {
            if let Poll::Ready(ready) = socket.poll_read_ready(cx) {
                return Poll::Ready(Next::Readable(ready));
            }
            if ticks.poll_tick(cx).is_ready() {
                return Poll::Ready(Next::Tick);
            }
            abandoned.as_mut().poll(cx).map(|()| Next::Abandoned)
        });
        match next.await {
            Next::Abandoned => return Error::closed().into(),
            Next::Tick => {
                let now = Instant::now();
                if now.saturating_duration_since(last_received) > silence {
                    let text =
                        format!("nexusd at {} has been silent for {silence:?}; connecting again.", shared.address);
                    return Error::new(ErrorKind::Connection, text).into();
                }
                shared.outbox.keep_alive(now, idle);
            }
            Next::Readable(ready) => match ready.and_then(|()| buffer.try_fill(socket)) {
                Ok(0) => return End { reason: lost(shared, "ended"), is_orderly: true },
                Ok(_) => last_received = Instant::now(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return lost(shared, &format!("broke ({error})")).into(),
            },
        }
    }
}

/// How a connection ended.
struct End {
    reason: Error,
    /// The daemon ended the stream without an error.
    is_orderly: bool,
}

impl From<Error> for End {
    fn from(reason: Error) -> End {
        End { reason, is_orderly: false }
    }
}

enum Next {
    Readable(io::Result<()>),
    Tick,
    Abandoned,
}

fn lost(shared: &Shared, how: &str) -> Error {
    let text = format!("The connection to nexusd at {} {how}; connecting again.", shared.address);
    Error::new(ErrorKind::Connection, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_longer_each_time_up_to_a_bound() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(100), ms(350));
        let longest: Vec<_> = (0..4).map(|_| backoff.next(1.0)).collect();
        assert_eq!(longest, [ms(100), ms(200), ms(350), ms(350)]);
        backoff.reset();
        assert_eq!(backoff.next(0.0), ms(10));
        assert_eq!(backoff.next(0.0), ms(10));
    }
}
