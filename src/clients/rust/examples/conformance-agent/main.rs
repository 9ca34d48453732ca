//! Turns the lines of `tests/conformance/README.md` into calls of the client and back.

mod commands;
mod reading;
mod values;

use commands::Agent;
use serde_json::{json, Value};
use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::oneshot;
use values::Failure;

type Running = Arc<Mutex<HashMap<String, oneshot::Sender<()>>>>;

#[tokio::main]
async fn main() {
    let agent = Arc::new(Agent::default());
    let running = Running::default();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let command: Value = match serde_json::from_str(&line) {
            Ok(command) => command,
            Err(error) => {
                eprintln!("no JSON: {error}: {line}");
                continue;
            }
        };
        let id = command["id"].clone();
        match command["do"].as_str() {
            // Done before the next line is read, since that may name the client.
            Some("new") => answer(&id, agent.new_client(&command).await),
            Some("cancel") => {
                let target = running.lock().unwrap().remove(&command["target"].to_string());
                let _ = target.map(|cancel| cancel.send(()));
                answer(&id, Ok(json!({})));
            }
            _ => {
                let (cancel, cancelled) = oneshot::channel();
                running.lock().unwrap().insert(id.to_string(), cancel);
                let (agent, running) = (Arc::clone(&agent), Arc::clone(&running));
                tokio::spawn(async move {
                    let result = tokio::select! {
                        result = agent.run(&command) => result,
                        Ok(()) = cancelled => Err(Failure::new("cancelled", "cancelled")),
                    };
                    running.lock().unwrap().remove(&id.to_string());
                    answer(&id, result);
                });
            }
        }
    }
    std::process::exit(0);
}

fn answer(id: &Value, result: Result<Value, Failure>) {
    let mut line = match result {
        Ok(mut members) => {
            members["ok"] = json!(true);
            members
        }
        Err(failure) => failure.to_json(),
    };
    line["id"] = id.clone();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("The driver reads the answers.");
}
