//! The client of nexusd, a brokerless publish/subscribe mesh: publish and subscribe through the daemon beside your
//! process, over a Unix socket or TCP.
//!
//! ```no_run
//! use nexusd_client::Client;
//!
//! #[tokio::main]
//! async fn main() -> Result<(), nexusd_client::Error> {
//!     let client = Client::connect("localhost:5672").await?;
//!     let mut stream = client.subscribe(&["greetings/#"]).await?;
//!
//!     client.publish("greetings/world", "hello").await?;
//!
//!     if let Some(message) = stream.next().await {
//!         println!("{}: {}", message.topic, String::from_utf8_lossy(&message.payload));
//!     }
//!     client.close().await;
//!     Ok(())
//! }
//! ```
//!
//! [`Client::connect`] gives a client at once, also when the daemon is down. It connects when it is first used, and
//! again by itself after a loss; what was published meanwhile waits in a bounded buffer, and subscriptions go on.

#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(missing_debug_implementations, unreachable_pub, rust_2018_idioms)]

mod address;
mod client;
mod error;
mod events;
mod message;
mod options;
mod outbox;
mod publish_request;
mod race;
mod random;
mod requests;
mod session;
mod subscription;
mod topics;
mod wire;

pub use bytes::Bytes;
pub use client::Client;
pub use error::{DropReason, Error, ErrorCode, ErrorKind};
pub use events::{ConnectionState, DaemonInfo, Gap, Notice, PublishLoss, PublishResult, StateChange, Statistics};
pub use message::{Batch, Message, MessageRef};
pub use options::ClientBuilder;
pub use publish_request::{Priority, PublishRequest};
pub use subscription::options::{Overflow, Strategy, SubscribeOptions};
pub use subscription::Subscription;

/// Another name of [`Client`].
pub type NexusdClient = Client;

/// The examples of the README, which must compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
