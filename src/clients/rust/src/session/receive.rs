//! What the daemon sends. All of it in the reading task.

use super::handshake::from_refusal;
use super::read_buffer::ReadBuffer;
use super::{lock, Shared};
use crate::error::{DropReason, Error, ErrorCode, ErrorKind};
use crate::events::{raise, Gap, Notice, PublishLoss};
use crate::subscription::channel::Channel;
use crate::subscription::run::Run;
use crate::wire::{decode, encode, kind};
use bytes::Bytes;
use std::sync::atomic::Ordering;
use std::sync::Arc;

/// Takes frames apart in one connection.
pub(crate) struct Receiver {
    shared: Arc<Shared>,
    node: String,
    aliases: Vec<Option<Arc<str>>>,
    last_inline: Option<Arc<str>>,
    /// The subscription of the last run, and what came for it in this read.
    channel: Option<Arc<Channel>>,
    gathered: Vec<Run>,
    gathered_events: u64,
}

impl Receiver {
    pub(crate) fn new(shared: Arc<Shared>, node: String) -> Receiver {
        Receiver {
            shared,
            node,
            aliases: Vec::new(),
            last_inline: None,
            channel: None,
            gathered: Vec::new(),
            gathered_events: 0,
        }
    }

    /// Takes all whole frames; the error ends the connection.
    pub(crate) fn take_frames(&mut self, buffer: &mut ReadBuffer) -> Result<(), Error> {
        let result = self.take_each(buffer);
        self.hand_over();
        result
    }

    fn take_each(&mut self, buffer: &mut ReadBuffer) -> Result<(), Error> {
        loop {
            match buffer.cut() {
                Ok(None) => return Ok(()),
                Ok(Some(frame)) if frame[4] == kind::DELIVER => self.on_deliver(frame)?,
                Ok(Some(frame)) => {
                    // Callbacks and deliveries keep their order.
                    self.hand_over();
                    self.on_other(&frame)?;
                }
                Err(_) => return Err(self.lost_step("a frame")),
            }
        }
    }

    fn hand_over(&mut self) {
        if self.gathered.is_empty() {
            return;
        }
        self.shared.received.fetch_add(std::mem::take(&mut self.gathered_events), Ordering::Relaxed);
        match &self.channel {
            Some(channel) => channel.deliver(&mut self.gathered),
            None => self.gathered.clear(),
        }
    }

    fn on_deliver(&mut self, frame: Bytes) -> Result<(), Error> {
        let deliver = decode::deliver(&frame, usize::MAX).map_err(|_| self.lost_step("DELIVER"))?;
        let topic = match deliver.topic {
            Some(topic) => self.inline_topic(topic),
            None => match self.aliases.get(deliver.alias as usize) {
                Some(Some(topic)) => Arc::clone(topic),
                _ => return Err(self.lost_step("DELIVER with an unknown topic alias")),
            },
        };
        if self.channel.as_ref().map(|channel| channel.id) != Some(deliver.subscription) {
            self.hand_over();
            self.channel = lock(&self.shared.requests).channel(deliver.subscription);
        }
        if self.channel.is_none() {
            // Closed here a moment ago; the daemon does not know yet.
            return Ok(());
        }
        self.gathered_events += u64::from(deliver.count);
        let run = Run::new(&deliver, topic, frame.clone());
        self.gathered.push(run);
        Ok(())
    }

    fn inline_topic(&mut self, topic: &str) -> Arc<str> {
        match &self.last_inline {
            Some(last) if **last == *topic => Arc::clone(last),
            _ => {
                let made: Arc<str> = topic.into();
                self.last_inline = Some(Arc::clone(&made));
                made
            }
        }
    }

    fn on_other(&mut self, frame: &[u8]) -> Result<(), Error> {
        match frame[4] {
            kind::TOPIC => self.on_topic(frame),
            kind::ACK => match decode::ack(frame) {
                Ok(ack) if self.shared.outbox.on_ack(&ack) => Ok(()),
                _ => Err(self.lost_step("ACK")),
            },
            kind::PING => {
                let opaque = decode::ping(frame).map_err(|_| self.lost_step("PING"))?;
                self.shared.outbox.send_control(|out| encode::pong(out, opaque));
                Ok(())
            }
            kind::PONG => {
                let opaque = decode::ping(frame).map_err(|_| self.lost_step("PONG"))?;
                self.shared.outbox.on_pong(opaque);
                Ok(())
            }
            kind::GAP => self.on_gap(frame),
            kind::NOTICE => self.on_notice(frame),
            kind::SUBSCRIBED => self.on_subscribed(frame),
            kind::RESULT => self.on_result(frame),
            kind::ERROR => self.on_error(frame),
            kind::GOAWAY => {
                let told = decode::refusal(frame).map_err(|_| self.lost_step("GOAWAY"))?;
                self.tell_notice(&told);
                // So that nothing is cut off, and the daemon need not wait for this client.
                self.shared.outbox.leave();
                Ok(())
            }
            // UNSUBSCRIBED needs nothing, unknown kinds are skipped.
            _ => Ok(()),
        }
    }

    fn on_topic(&mut self, frame: &[u8]) -> Result<(), Error> {
        let (alias, topic) = decode::topic(frame).map_err(|_| self.lost_step("TOPIC"))?;
        let alias = alias as usize;
        if alias >= self.aliases.len() {
            // Grows by doubling up to the most that was asked for, which the reader of the frame has checked.
            self.aliases.resize((alias + 1).next_power_of_two(), None);
        }
        self.aliases[alias] = Some(topic.into());
        Ok(())
    }

    fn on_gap(&mut self, frame: &[u8]) -> Result<(), Error> {
        let gap = decode::gap(frame).map_err(|_| self.lost_step("GAP"))?;
        let reason = DropReason(gap.reason);
        if reason != DropReason::CONFLATED {
            self.shared.lost.fetch_add(gap.count, Ordering::Relaxed);
        }
        if let Some(channel) = lock(&self.shared.requests).channel(gap.subscription) {
            let told = Gap {
                filters: Arc::clone(&channel.filters),
                publisher: gap.publisher,
                from: gap.from,
                to: gap.to,
                count: gap.count,
                reason,
                node: gap.node.to_owned(),
            };
            raise(&self.shared.options.callbacks.gap, told);
        }
        Ok(())
    }

    fn on_notice(&mut self, frame: &[u8]) -> Result<(), Error> {
        let loss = decode::gap(frame).map_err(|_| self.lost_step("NOTICE"))?;
        let told = PublishLoss {
            from: loss.from,
            to: loss.to,
            count: loss.count,
            reason: DropReason(loss.reason),
            node: loss.node.to_owned(),
        };
        raise(&self.shared.options.callbacks.publish_loss, told);
        Ok(())
    }

    fn on_subscribed(&mut self, frame: &[u8]) -> Result<(), Error> {
        let answer = decode::subscribed(frame).map_err(|_| self.lost_step("SUBSCRIBED"))?;
        let channel = match lock(&self.shared.requests).channel(answer.request) {
            Some(channel) => channel,
            None => return Ok(()),
        };
        if answer.code == 0 {
            channel.confirm();
            return Ok(());
        }
        lock(&self.shared.requests).remove(answer.request);
        let code = ErrorCode(answer.code);
        let said = if answer.text.is_empty() { code.to_string() } else { answer.text.to_owned() };
        let text = format!("The daemon refused the subscription to {:?}: {said}", channel.filters);
        channel.end(Some(Error::new(ErrorKind::Subscribe, text).with_code(code)));
        Ok(())
    }

    fn on_result(&mut self, frame: &[u8]) -> Result<(), Error> {
        let result = decode::result(frame).map_err(|_| self.lost_step("RESULT"))?;
        let waiter = lock(&self.shared.requests).take_query(result.request);
        if let Some(waiter) = waiter {
            let code = ErrorCode(result.code);
            let answer = if result.code == 0 {
                Ok(result.text.to_owned())
            } else if result.text.is_empty() {
                Err(Error::new(ErrorKind::Query, format!("The daemon refused the query: {code}.")).with_code(code))
            } else {
                Err(Error::new(ErrorKind::Query, result.text).with_code(code))
            };
            // Whoever does not wait any more does not want to know.
            let _ = waiter.send(answer);
        }
        Ok(())
    }

    fn on_error(&mut self, frame: &[u8]) -> Result<(), Error> {
        let error = decode::refusal(frame).map_err(|_| self.lost_step("ERROR"))?;
        if error.closes {
            return Err(from_refusal(&self.shared.address, ErrorCode(error.code), error.text));
        }
        self.tell_notice(&error);
        Ok(())
    }

    fn tell_notice(&self, told: &decode::Refusal<'_>) {
        let notice = Notice { code: ErrorCode(told.code), reference: told.reference, text: told.text.to_owned() };
        raise(&self.shared.options.callbacks.notice, notice);
    }

    fn lost_step(&self, what: &str) -> Error {
        let text = format!(
            "nexusd '{}' at {} sent {what} that cannot be right; connecting again. Please report it.",
            self.node, self.shared.address
        );
        Error::new(ErrorKind::Connection, text).with_code(ErrorCode::MALFORMED)
    }
}
