//! Subscriptions of the agent and how they are read.

use crate::values::{self, Failure};
use nexusd_client::{Message, Subscription};
use serde_json::{json, Value};
use std::collections::HashSet;
use tokio::sync::{watch, Mutex};
use tokio::time::{timeout_at, Instant};

/// A subscription that one command reads at a time, and another may leave.
pub struct Reading {
    subscription: Mutex<Option<Subscription>>,
    left: watch::Sender<bool>,
}

impl Reading {
    pub fn new(subscription: Subscription) -> Reading {
        Reading { subscription: Mutex::new(Some(subscription)), left: watch::channel(false).0 }
    }

    pub async fn leave(&self) {
        self.left.send_replace(true);
        drop(self.subscription.lock().await.take());
    }

    /// Takes messages; true: the iterator has ended.
    async fn take(&self, command: &Value, mut each: impl FnMut(Message)) -> bool {
        let until = Instant::now() + values::timeout(command);
        let mut left = self.left.subscribe();
        let mut place = self.subscription.lock().await;
        for _ in 0..command["count"].as_u64().unwrap_or(1) {
            let subscription = match place.as_mut() {
                Some(subscription) if !*left.borrow() => subscription,
                _ => return true,
            };
            let next = async {
                tokio::select! {
                    message = subscription.next() => message,
                    _ = left.changed() => None,
                }
            };
            match timeout_at(until, next).await {
                Ok(Some(message)) => each(message),
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
        false
    }

    pub async fn read(&self, command: &Value) -> Result<Value, Failure> {
        let mut messages = Vec::new();
        let ended = self.take(command, |message| messages.push(values::message(&message))).await;
        Ok(json!({"messages": messages, "ended": ended}))
    }

    pub async fn read_numbers(&self, command: &Value) -> Result<Value, Failure> {
        let mut numbers = Vec::new();
        let mut replayed = 0;
        let ended = self
            .take(command, |message| {
                let number =
                    std::str::from_utf8(&message.payload).ok().and_then(|text| text.trim().parse::<u64>().ok());
                numbers.push(number.unwrap_or(0));
                replayed += u64::from(message.is_replayed());
            })
            .await;
        let different: HashSet<_> = numbers.iter().collect();
        Ok(json!({
            "count": numbers.len(),
            "first": numbers.first(),
            "last": numbers.last(),
            "ordered": numbers.windows(2).all(|two| two[0] < two[1]),
            "duplicates": numbers.len() - different.len(),
            "sum": numbers.iter().sum::<u64>(),
            "replayed": replayed,
            "ended": ended,
        }))
    }
}
