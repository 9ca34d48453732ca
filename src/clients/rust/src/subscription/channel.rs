use super::options::{Overflow, Strategy, SubscribeOptions};
use super::resume::ReceivedNumbers;
use super::run::Run;
use crate::error::{Error, ErrorKind};
use crate::requests::Replies;
use crate::session::lock;
use crate::wire::encode;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use tokio::sync::watch;

/// Where runs go.
#[derive(Debug)]
pub(crate) enum Sink {
    /// Into a queue that the application reads. What waits there is bounded by the credit that the daemon was given:
    /// bytes become credit again when the reader has taken them, so a slow reader holds up nobody else.
    Queue,
    /// To requests that wait for a reply; taken at once, so without a bound.
    Replies(Arc<Replies>),
}

/// One open subscription on its way from the daemon to the application. Kept over reconnects, when it is asked for
/// again.
#[derive(Debug)]
pub(crate) struct Channel {
    /// Not 0.
    pub(crate) id: u32,
    pub(crate) filters: Arc<[String]>,
    options: SubscribeOptions,
    sink: Sink,
    ready: watch::Sender<Ready>,
    queue: Mutex<Queue>,
}

#[derive(Clone, Debug)]
enum Ready {
    Pending,
    Confirmed,
    Ended(Option<Error>),
}

#[derive(Debug, Default)]
struct Queue {
    runs: VecDeque<Run>,
    /// Bytes that the application has not taken yet, also of runs that its iterator holds.
    waiting: usize,
    /// What the daemon may still send as it sees it.
    credit: i64,
    received: ReceivedNumbers,
    waker: Option<Waker>,
    ended: bool,
}

impl Channel {
    pub(crate) fn new(id: u32, filters: Arc<[String]>, options: SubscribeOptions, sink: Sink) -> Channel {
        let ready = watch::channel(Ready::Pending).0;
        Channel { id, filters, options, sink, ready, queue: Mutex::new(Queue::default()) }
    }

    /// Takes what was read in one go, in the reading task.
    pub(crate) fn deliver(&self, runs: &mut Vec<Run>) {
        let waker = {
            let mut queue = lock(&self.queue);
            if queue.ended {
                runs.clear();
                return;
            }
            for run in runs.iter() {
                if self.options.resume {
                    queue.received.note(run);
                }
                queue.credit -= run.frame_bytes() as i64;
                queue.waiting += run.frame_bytes();
            }
            if let Sink::Replies(replies) = &self.sink {
                queue.waiting = 0;
                drop(queue);
                runs.drain(..).for_each(|run| replies.deliver(run));
                return;
            }
            queue.runs.extend(runs.drain(..));
            queue.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Takes all that waits. `None`: the end.
    pub(crate) fn poll_take(&self, into: &mut VecDeque<Run>, cx: &mut Context<'_>) -> Poll<Option<()>> {
        let mut queue = lock(&self.queue);
        if !queue.runs.is_empty() {
            std::mem::swap(&mut queue.runs, into);
            return Poll::Ready(Some(()));
        }
        if queue.ended {
            return Poll::Ready(None);
        }
        match &queue.waker {
            Some(waker) if waker.will_wake(cx.waker()) => {}
            _ => queue.waker = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Portion in which credit is given back.
    pub(crate) fn portion(&self) -> usize {
        self.options.receive_buffer_bytes / 8
    }

    /// The application has taken so many bytes. Writes CREDIT if enough has come together.
    pub(crate) fn write_grant(&self, taken: usize, out: &mut Vec<u8>) {
        let mut queue = lock(&self.queue);
        queue.waiting = queue.waiting.saturating_sub(taken);
        let window = self.window(&queue);
        let grant = window - queue.credit;
        if grant >= self.portion() as i64 && !queue.ended {
            queue.credit = window;
            encode::credit(out, self.id, grant as u32);
        }
    }

    /// The same while there is no connection: the next one starts with what is right then.
    pub(crate) fn note_taken(&self, taken: usize) {
        let mut queue = lock(&self.queue);
        queue.waiting = queue.waiting.saturating_sub(taken);
    }

    fn window(&self, queue: &Queue) -> i64 {
        (self.options.receive_buffer_bytes as i64 - queue.waiting as i64).max(1)
    }

    /// Writes SUBSCRIBE for a new connection.
    pub(crate) fn write_subscribe(&self, out: &mut Vec<u8>) {
        let mut queue = lock(&self.queue);
        let mut resume = None;
        if !matches!(*self.ready.borrow(), Ready::Confirmed) {
            queue.received.begin();
        } else if self.options.resume {
            resume = Some(queue.received.encode());
        }
        let credit = match self.sink {
            Sink::Queue => self.window(&queue),
            Sink::Replies(_) => 0,
        };
        queue.credit = credit;
        let ask = encode::Subscribe {
            no_retained: !self.options.receive_retained,
            subscription: self.id,
            credit: credit as u32,
            queue_events: self.options.queue_events,
            queue_bytes: self.options.queue_bytes,
            overflow: self.options.overflow.map(|overflow| match overflow {
                Overflow::DropOldest => 0,
                Overflow::DropNewest => 1,
                Overflow::Block => 2,
                Overflow::Conflate => 3,
            }),
            block_timeout_ms: self.options.block_timeout_ms(),
            strategy: self.options.strategy.map(|strategy| match strategy {
                Strategy::Sticky => 0,
                Strategy::RoundRobin => 1,
                Strategy::LeastPending => 2,
                Strategy::LocalFirst => 3,
            }),
            resume: resume.as_deref(),
            filters: &self.filters,
        };
        encode::subscribe(out, &ask);
    }

    /// The daemon has confirmed the subscription.
    pub(crate) fn confirm(&self) {
        self.ready.send_replace(Ready::Confirmed);
    }

    /// Nothing follows; with an error the application is told.
    pub(crate) fn end(&self, error: Option<Error>) {
        let waker = {
            let mut queue = lock(&self.queue);
            if queue.ended {
                return;
            }
            queue.ended = true;
            queue.waker.take()
        };
        self.ready.send_replace(Ready::Ended(error));
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Why the daemon ended the subscription, if it did.
    pub(crate) fn error(&self) -> Option<Error> {
        match &*self.ready.borrow() {
            Ready::Ended(error) => error.clone(),
            _ => None,
        }
    }

    /// Waits for the first confirmation.
    pub(crate) async fn ready(&self) -> Result<(), Error> {
        let mut ready = self.ready.subscribe();
        loop {
            match &*ready.borrow_and_update() {
                Ready::Pending => {}
                Ready::Confirmed => return Ok(()),
                Ready::Ended(Some(error)) => return Err(error.clone()),
                Ready::Ended(None) => {
                    return Err(Error::new(ErrorKind::Closed, "The subscription was closed: subscribe again."))
                }
            }
            if ready.changed().await.is_err() {
                return Err(Error::closed());
            }
        }
    }
}
