//! What each command does.

use crate::reading::Reading;
use crate::values::{self, text, Failure, Log};
use nexusd_client::{Client, SubscribeOptions};
use serde_json::{json, Value};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// The clients and subscriptions by the driver's names.
#[derive(Default)]
pub struct Agent {
    clients: Mutex<HashMap<String, (Client, Log)>>,
    subscriptions: Mutex<HashMap<String, Arc<Reading>>>,
}

impl Agent {
    pub async fn new_client(&self, command: &Value) -> Result<Value, Failure> {
        let log = Log::default();
        let client = values::builder(command, &log).connect().await?;
        self.clients.lock().unwrap().insert(text(command, "client")?.to_owned(), (client, log));
        Ok(json!({}))
    }

    fn entry(&self, command: &Value) -> Result<(Client, Log), Failure> {
        let name = text(command, "client")?;
        let found = self.clients.lock().unwrap().get(name).cloned();
        found.ok_or_else(|| Failure::new("argument", format!("no client: {name}")))
    }

    fn client(&self, command: &Value) -> Result<Client, Failure> {
        Ok(self.entry(command)?.0)
    }

    fn reading(&self, command: &Value) -> Result<Arc<Reading>, Failure> {
        let name = text(command, "sub")?;
        let found = self.subscriptions.lock().unwrap().get(name).cloned();
        found.ok_or_else(|| Failure::new("argument", format!("no subscription: {name}")))
    }

    pub async fn run(&self, command: &Value) -> Result<Value, Failure> {
        let done = || json!({});
        match text(command, "do")? {
            "wait_ready" => self.client(command)?.wait_ready(values::timeout(command)).await?,
            "state" => return Ok(json!({"state": self.client(command)?.state().to_string()})),
            "publish" => return self.publish(command).await,
            "publish_numbers" => return self.publish_numbers(command).await,
            "publish_many" => return self.publish_many(command).await,
            "flush" => return self.flush(command).await,
            "subscribe" => self.subscribe(command).await?,
            "read" => return self.reading(command)?.read(command).await,
            "read_numbers" => return self.reading(command)?.read_numbers(command).await,
            "unsubscribe" => {
                self.reading(command)?.leave().await;
            }
            "request" => {
                let request = values::request(command)?;
                let reply = self.client(command)?.request_within(request, values::timeout(command)).await?;
                return Ok(json!({"message": values::message(&reply)}));
            }
            "respond" => self.respond(command).await?,
            "log" => {
                let (_, log) = self.entry(command)?;
                let entries = std::mem::take(&mut *log.lock().unwrap());
                return Ok(json!({"entries": entries}));
            }
            "statistics" => return self.statistics(command),
            "close" => self.client(command)?.close().await,
            "query" => return Ok(json!({"json": self.client(command)?.query(text(command, "what")?).await?})),
            other => return Err(Failure::new("unsupported", format!("no command: {other}"))),
        }
        Ok(done())
    }

    async fn publish(&self, command: &Value) -> Result<Value, Failure> {
        let (client, request) = (self.client(command)?, values::request(command)?);
        if command["ack"].as_bool() != Some(true) {
            client.enqueue(request).await?;
            return Ok(json!({}));
        }
        let result = client.publish_with(request).await?;
        Ok(json!({"local": result.local, "peers": result.peers, "number": result.number}))
    }

    async fn publish_numbers(&self, command: &Value) -> Result<Value, Failure> {
        let client = self.client(command)?;
        let topic = text(command, "topic")?;
        let numbers = numbers(command);
        for number in &numbers {
            client.publish(topic, number).await?;
        }
        Ok(json!({"published": numbers.len()}))
    }

    async fn publish_many(&self, command: &Value) -> Result<Value, Failure> {
        let numbers = numbers(command);
        self.client(command)?.publish_many(text(command, "topic")?, &numbers).await?;
        Ok(json!({"published": numbers.len()}))
    }

    async fn flush(&self, command: &Value) -> Result<Value, Failure> {
        let client = self.client(command)?;
        match tokio::time::timeout(values::timeout(command), client.flush()).await {
            Ok(result) => result.map(|()| json!({})).map_err(Failure::from),
            Err(_) => Err(Failure::new("timeout", "flush took too long")),
        }
    }

    async fn subscribe(&self, command: &Value) -> Result<(), Failure> {
        let filters: Vec<&str> =
            command["filters"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let options = values::subscribe_options(&command["options"])?;
        let subscription = self.client(command)?.subscribe_with(&filters, options).await?;
        subscription.ready().await?;
        let reading = Arc::new(Reading::new(subscription));
        self.subscriptions.lock().unwrap().insert(text(command, "sub")?.to_owned(), reading);
        Ok(())
    }

    async fn respond(&self, command: &Value) -> Result<(), Failure> {
        let client = self.client(command)?;
        let options = SubscribeOptions::new().receive_retained(false);
        let mut requests = client.subscribe_with(&[text(command, "filter")?], options).await?;
        requests.ready().await?;
        tokio::spawn(async move {
            while let Some(request) = requests.next().await {
                let client = client.clone();
                tokio::spawn(async move {
                    let reply = [b"re:", &request.payload[..]].concat();
                    if let Err(error) = client.reply(&request, reply).await {
                        eprintln!("reply: {error}");
                    }
                });
            }
        });
        Ok(())
    }

    fn statistics(&self, command: &Value) -> Result<Value, Failure> {
        let statistics = self.client(command)?.statistics();
        Ok(json!({
            "published": statistics.published,
            "refused": statistics.refused,
            "received": statistics.received,
            "lost": statistics.lost,
            "in_doubt": statistics.in_doubt,
            "connections": statistics.connections,
            "buffered_bytes": statistics.buffered_bytes,
        }))
    }
}

/// Numbers in decimal, filled up with blanks.
fn numbers(command: &Value) -> Vec<Vec<u8>> {
    let from = command["from"].as_u64().unwrap_or(1);
    let size = command["size"].as_u64().unwrap_or(0) as usize;
    (from..from + command["count"].as_u64().unwrap_or(1))
        .map(|number| format!("{number:<size$}").into_bytes())
        .collect()
}
