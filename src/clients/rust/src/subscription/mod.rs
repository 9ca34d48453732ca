pub(crate) mod channel;
pub(crate) mod options;
pub(crate) mod resume;
pub(crate) mod run;

use crate::client::Handle;
use crate::error::Error;
use crate::message::{Batch, Message};
use crate::race::poll_fn;
use channel::Channel;
use futures_core::Stream;
use run::Run;
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The events that match the filters of a subscription, as a stream.
///
/// It goes on over reconnects. Dropping it ends the subscription. It keeps the connection alive even when the
/// [`Client`](crate::Client) is dropped.
#[must_use = "A subscription that is dropped ends."]
pub struct Subscription {
    handle: Arc<Handle>,
    channel: Arc<Channel>,
    taken: VecDeque<Run>,
    /// Where the next event is in the first run: its index and offset; offset 0: at the start.
    index: u64,
    at: usize,
    consumed: usize,
}

impl Subscription {
    pub(crate) fn new(handle: Arc<Handle>, channel: Arc<Channel>) -> Subscription {
        Subscription { handle, channel, taken: VecDeque::new(), index: 0, at: 0, consumed: 0 }
    }

    /// The filters, with the group before them where there is one.
    pub fn filters(&self) -> &[String] {
        &self.channel.filters
    }

    /// Waits until the daemon has confirmed the subscription: what is published afterwards will come.
    ///
    /// # Errors
    /// [`ErrorKind::Subscribe`](crate::ErrorKind::Subscribe) where the daemon refuses,
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) where the client is closed meanwhile. While the daemon is away
    /// it waits.
    pub async fn ready(&self) -> Result<(), Error> {
        self.channel.ready().await
    }

    /// Why the stream ended, where the daemon refused the subscription.
    pub fn error(&self) -> Option<Error> {
        self.channel.error()
    }

    /// The next event. `None`: the client was closed, or the daemon refused the subscription
    /// ([`error`](Subscription::error) says why). Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Message> {
        poll_fn(|cx| self.poll_message(cx)).await
    }

    /// All that has come, up to an eighth of the receive buffer: no object for each event, so it is the fastest way.
    /// `None` as for [`next`](Subscription::next).
    pub async fn next_batch(&mut self) -> Option<Batch> {
        poll_fn(|cx| self.poll_batch(cx)).await
    }

    /// Ends the subscription, as dropping it does.
    pub fn unsubscribe(self) {}

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        loop {
            if let Some(message) = self.take_message() {
                return Poll::Ready(Some(message));
            }
            match self.channel.poll_take(&mut self.taken, cx) {
                Poll::Ready(Some(())) => {}
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn take_message(&mut self) -> Option<Message> {
        let run = self.taken.front_mut()?;
        let at = if self.at == 0 { run.body() } else { self.at };
        let frame_bytes = if self.index == 0 { run.frame_bytes() } else { 0 };
        let (message, end) = Message::new(run, self.index, at);
        self.index += 1;
        self.at = end;
        if self.index == u64::from(run.count) {
            self.taken.pop_front();
            self.index = 0;
            self.at = 0;
        }
        self.give_back(frame_bytes);
        Some(message)
    }

    fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Option<Batch>> {
        // What the batch before held is taken now.
        self.give_back(0);
        if let Some(message) = self.rest_of_run() {
            return Poll::Ready(Some(message));
        }
        if self.taken.is_empty() {
            match self.channel.poll_take(&mut self.taken, cx) {
                Poll::Ready(Some(())) => {}
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
        let portion = self.channel.portion();
        let mut batch = Batch { runs: Vec::with_capacity(self.taken.len()), len: 0 };
        let mut bytes = 0;
        while bytes < portion {
            match self.taken.pop_front() {
                Some(run) => {
                    bytes += run.frame_bytes();
                    batch.len += run.count as usize;
                    batch.runs.push(run);
                }
                None => break,
            }
        }
        self.consumed += bytes;
        Poll::Ready(Some(batch))
    }

    /// Where single events were taken before, the run that they stand in is finished first.
    fn rest_of_run(&mut self) -> Option<Batch> {
        if self.index == 0 {
            return None;
        }
        let run = self.taken.pop_front()?.rest(std::mem::take(&mut self.index), std::mem::take(&mut self.at));
        Some(Batch { len: run.count as usize, runs: vec![run] })
    }

    #[inline]
    fn give_back(&mut self, bytes: usize) {
        self.consumed += bytes;
        if self.consumed >= self.channel.portion() {
            self.grant();
        }
    }

    #[cold]
    fn grant(&mut self) {
        let mut taken = Some(std::mem::take(&mut self.consumed));
        let channel = &self.channel;
        let grant = |out: &mut Vec<u8>| channel.write_grant(taken.take().unwrap_or(0), out);
        self.handle.shared.outbox.send_control(grant);
        if let Some(taken) = taken {
            channel.note_taken(taken);
        }
    }
}

impl Stream for Subscription {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.poll_message(cx)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.handle.shared.close_channel(&self.channel);
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("filters", &self.channel.filters).finish_non_exhaustive()
    }
}
