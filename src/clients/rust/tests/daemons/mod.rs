//! A daemon that does what a test says, frame by frame.

#![allow(dead_code)]

use nexusd_client::{Client, ClientBuilder, ConnectionState};
use std::future::Future;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub const TOPIC: u8 = 0x02;
pub const PUBLISH: u8 = 0x03;
pub const SUBSCRIBE: u8 = 0x04;
pub const UNSUBSCRIBE: u8 = 0x05;
pub const CREDIT: u8 = 0x06;
pub const PING: u8 = 0x07;
pub const PONG: u8 = 0x08;
pub const QUERY: u8 = 0x09;
pub const BYE: u8 = 0x0A;

/// No wait of a test takes longer than this.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), what).await.expect("It takes too long.")
}

/// Waits for something that is sure to happen.
pub async fn until(mut is_so: impl FnMut() -> bool) {
    soon(async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

pub async fn until_state(client: &Client, state: ConnectionState) {
    until(|| client.state() == state).await;
}

pub struct FakeDaemon {
    listener: TcpListener,
    pub address: String,
}

impl FakeDaemon {
    pub async fn listen() -> FakeDaemon {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        FakeDaemon { listener, address }
    }

    pub fn builder(&self) -> ClientBuilder {
        Client::builder().address(self.address.clone()).reconnect(Duration::from_millis(10), Duration::from_millis(20))
    }

    pub async fn client(&self) -> Client {
        self.builder().connect().await.unwrap()
    }

    pub async fn accept_raw(&self) -> TcpStream {
        soon(self.listener.accept()).await.unwrap().0
    }

    /// Takes a connection up to HELLO.
    pub async fn accept(&self) -> Connection {
        let mut stream = self.accept_raw().await;
        let mut greeting = [0; 8];
        soon(stream.read_exact(&mut greeting)).await.unwrap();
        assert_eq!(&greeting, b"NXD1\x01\x01\0\0");
        let mut connection = Connection { stream, hello: Vec::new() };
        connection.hello = connection.frame().await;
        assert_eq!(connection.hello[4], 0x01);
        connection
    }

    /// Takes a connection and welcomes the client.
    pub async fn welcome(&self) -> Connection {
        let mut connection = self.accept().await;
        connection.welcome(&Welcome::default()).await;
        connection
    }
}

pub struct Welcome {
    pub publisher: u64,
    /// 0: the one that the client asked for.
    pub next_number: u64,
    pub max_aliases: u32,
    pub max_payload: u32,
    pub idle_timeout_ms: u32,
}

impl Default for Welcome {
    fn default() -> Welcome {
        Welcome { publisher: 77, next_number: 0, max_aliases: 65_536, max_payload: 4_194_304, idle_timeout_ms: 0 }
    }
}

pub struct Connection {
    pub stream: TcpStream,
    pub hello: Vec<u8>,
}

impl Connection {
    pub async fn frame(&mut self) -> Vec<u8> {
        soon(self.next_frame()).await.expect("The client closed the connection.")
    }

    /// None: the end.
    pub async fn next_frame(&mut self) -> Option<Vec<u8>> {
        let mut frame = vec![0; 4];
        self.stream.read_exact(&mut frame).await.ok()?;
        let length = u32::from_le_bytes(frame[..4].try_into().unwrap()) as usize;
        frame.resize(4 + length, 0);
        self.stream.read_exact(&mut frame[4..]).await.ok()?;
        Some(frame)
    }

    /// Reads on up to a frame of a kind.
    pub async fn until(&mut self, kind: u8) -> Vec<u8> {
        loop {
            let frame = self.frame().await;
            if frame[4] == kind {
                return frame;
            }
        }
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    pub async fn greet(&mut self) {
        self.send(b"NXD1\x01\0\0\0").await;
    }

    pub async fn welcome(&mut self, welcome: &Welcome) {
        self.greet().await;
        let asked = hello_property(&self.hello, 0x13).map_or(1, |value| u64_at(&value, 0));
        let next = if welcome.next_number == 0 { asked } else { welcome.next_number };
        let mut body = Vec::new();
        property(&mut body, 0x12, &welcome.publisher.to_le_bytes());
        property(&mut body, 0x13, &next.to_le_bytes());
        property(&mut body, 0x14, &welcome.max_aliases.to_le_bytes());
        property(&mut body, 0x17, &welcome.max_payload.to_le_bytes());
        property(&mut body, 0x19, &welcome.idle_timeout_ms.to_le_bytes());
        property(&mut body, 0x20, &[7; 16]);
        property(&mut body, 0x21, b"fake");
        let bytes = frame(0x41, 0, 0, &body);
        self.send(&bytes).await;
    }

    pub async fn ack(&mut self, code: u16, number: u64, count: u32, local: u32) {
        let mut body = number.to_le_bytes().to_vec();
        body.extend_from_slice(&count.to_le_bytes());
        body.extend_from_slice(&local.to_le_bytes());
        body.extend_from_slice(&0_u32.to_le_bytes());
        let bytes = frame(0x44, 0, code, &body);
        self.send(&bytes).await;
    }

    pub async fn pong(&mut self, ping: &[u8]) {
        let bytes = frame(PONG, 0, 0, &ping[8..]);
        self.send(&bytes).await;
    }

    /// Answers PINGs until the client has closed; gives what else came.
    pub async fn until_closed(mut self) -> Vec<Vec<u8>> {
        let mut others = Vec::new();
        while let Some(frame) = soon(self.next_frame()).await {
            match frame[4] {
                PING => self.pong(&frame).await,
                BYE => break,
                _ => others.push(frame),
            }
        }
        others
    }

    pub async fn subscribed(&mut self, code: u16, id: u32, text: &str) {
        let bytes = frame(0x42, 0, code, &[&id.to_le_bytes(), text.as_bytes()].concat());
        self.send(&bytes).await;
    }

    /// Takes SUBSCRIBE and confirms it.
    pub async fn take_subscription(&mut self) -> Subscribe {
        let subscribe = Subscribe::read(&self.until(SUBSCRIBE).await);
        self.subscribed(0, subscribe.id, "").await;
        subscribe
    }
}

pub fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap())
}

pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

pub fn property(out: &mut Vec<u8>, id: u8, value: &[u8]) {
    out.push(id);
    out.extend_from_slice(&(value.len() as u16).to_le_bytes());
    out.extend_from_slice(value);
}

pub fn frame(kind: u8, flags: u8, extra: u16, body: &[u8]) -> Vec<u8> {
    let mut out = (body.len() as u32 + 4).to_le_bytes().to_vec();
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&extra.to_le_bytes());
    out.extend_from_slice(body);
    out
}

pub fn find_property(mut list: &[u8], wanted: u8) -> Option<Vec<u8>> {
    while !list.is_empty() {
        let end = 3 + usize::from(u16_at(list, 1));
        if list[0] == wanted {
            return Some(list[3..end].to_vec());
        }
        list = &list[end..];
    }
    None
}

pub fn hello_property(hello: &[u8], wanted: u8) -> Option<Vec<u8>> {
    find_property(&hello[8..], wanted)
}

/// A PUBLISH frame taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Publish {
    pub flags: u8,
    pub alias: u32,
    pub topic: Option<String>,
    pub payloads: Vec<Vec<u8>>,
}

impl Publish {
    pub fn read(frame: &[u8]) -> Publish {
        assert_eq!(frame[4], PUBLISH);
        let body = 12 + usize::from(u16_at(frame, 6));
        let topic = find_property(&frame[12..body], 0x01).map(|topic| String::from_utf8(topic).unwrap());
        let mut payloads = Vec::new();
        let mut rest = &frame[body..];
        while !rest.is_empty() {
            let end = 4 + u32_at(rest, 0) as usize;
            payloads.push(rest[4..end].to_vec());
            rest = &rest[end..];
        }
        Publish { flags: frame[5], alias: u32_at(frame, 8), topic, payloads }
    }
}

/// A SUBSCRIBE frame taken apart.
#[derive(Debug)]
pub struct Subscribe {
    pub flags: u8,
    pub id: u32,
    pub credit: u32,
    pub resume: Option<Vec<u8>>,
    pub filters: Vec<String>,
}

impl Subscribe {
    pub fn read(frame: &[u8]) -> Subscribe {
        let body = 24 + usize::from(u16_at(frame, 6));
        let mut filters = Vec::new();
        let mut rest = &frame[body..];
        while !rest.is_empty() {
            let end = 2 + usize::from(u16_at(rest, 0));
            filters.push(String::from_utf8(rest[2..end].to_vec()).unwrap());
            rest = &rest[end..];
        }
        Subscribe {
            flags: frame[5],
            id: u32_at(frame, 8),
            credit: u32_at(frame, 12),
            resume: find_property(&frame[24..body], 0x43),
            filters,
        }
    }
}

/// A DELIVER frame with the topic as text.
pub fn deliver(subscription: u32, topic: &str, number: u64, flags: u8, payloads: &[&[u8]]) -> Vec<u8> {
    let mut properties = Vec::new();
    property(&mut properties, 0x01, topic.as_bytes());
    let mut body = subscription.to_le_bytes().to_vec();
    body.extend_from_slice(&0_u32.to_le_bytes());
    body.extend_from_slice(&9_u64.to_le_bytes());
    body.extend_from_slice(&number.to_le_bytes());
    body.extend_from_slice(&(number << 16).to_le_bytes());
    body.extend_from_slice(&properties);
    for payload in payloads {
        body.extend_from_slice(&(payload.len() as u32).to_le_bytes());
        body.extend_from_slice(payload);
    }
    frame(0x43, flags, properties.len() as u16, &body)
}

/// GAP or NOTICE.
pub fn gap(kind: u8, subscription: u32, reason: u16, from: u64, to: u64, count: u64) -> Vec<u8> {
    let mut body = subscription.to_le_bytes().to_vec();
    for field in [9, from, to, count] {
        body.extend_from_slice(&field.to_le_bytes());
    }
    body.extend_from_slice(b"node-1");
    frame(kind, 0, reason, &body)
}
