//! Greeting and HELLO on a fresh connection, up to WELCOME.

use super::read_buffer::ReadBuffer;
use super::socket::Socket;
use crate::address::{Address, VARIABLE};
use crate::error::{Error, ErrorCode, ErrorKind};
use crate::options::Options;
use crate::race::poll_fn;
use crate::wire::{decode, encode, kind, LARGEST_FRAME, MAX_ALIASES, VERSION};
use std::io;

const LIBRARY: &str = concat!("rust/", env!("CARGO_PKG_VERSION"));

/// What HELLO says of the publisher.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    pub(crate) publisher: u64,
    pub(crate) next_number: u64,
}

/// Greets; the error says why the daemon did not welcome the client, and what to do.
pub(crate) async fn run(
    socket: &Socket,
    buffer: &mut ReadBuffer,
    address: &Address,
    options: &Options,
    identity: Identity,
) -> Result<decode::Welcome, Error> {
    buffer.clear();
    if write_all(socket, &opening(options, identity)).await.is_err() {
        // What the other side said before it closed is worth more than that it closed.
        let _ = buffer.fill(socket).await;
        return Err(refused(address, buffer.bytes()));
    }
    let version = read_greeting(socket, buffer, address).await?;
    loop {
        let frame = match buffer.cut() {
            Ok(Some(frame)) => frame,
            Ok(None) => match buffer.fill(socket).await {
                Ok(count) if count > 0 => continue,
                _ => return Err(ended(address)),
            },
            Err(_) => return Err(refused(address, buffer.bytes())),
        };
        if frame[4] == kind::ERROR {
            if let Ok(error) = decode::refusal(&frame) {
                return Err(from_refusal(address, ErrorCode(error.code), error.text));
            }
        }
        if version != VERSION {
            return Err(from_refusal(address, ErrorCode::UNSUPPORTED_VERSION, ""));
        }
        return match decode::welcome(&frame) {
            Ok(welcome) if frame[4] == kind::WELCOME => Ok(welcome),
            _ => Err(Error::new(
                ErrorKind::Connection,
                format!("nexusd at {address} did not answer with WELCOME: is it an incompatible version?"),
            )
            .with_code(ErrorCode::MALFORMED)),
        };
    }
}

fn opening(options: &Options, identity: Identity) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    encode::own_greeting(&mut out);
    let hello = encode::Hello {
        name: &options.name,
        library: LIBRARY,
        publisher: identity.publisher,
        next_number: identity.next_number,
        max_aliases: MAX_ALIASES,
        max_frame: LARGEST_FRAME as u32,
        token: &options.token,
    };
    encode::hello(&mut out, &hello);
    out
}

async fn write_all(socket: &Socket, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        poll_fn(|cx| socket.poll_write_ready(cx)).await?;
        match socket.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn read_greeting(socket: &Socket, buffer: &mut ReadBuffer, address: &Address) -> Result<u8, Error> {
    loop {
        if let Some(Ok(first)) = buffer.bytes().get(..8).map(<&[u8; 8]>::try_from) {
            let version = decode::greeting(first);
            return match version {
                Some(version) => {
                    buffer.skip(8);
                    Ok(version)
                }
                None => Err(refused(address, buffer.bytes())),
            };
        }
        match buffer.fill(socket).await {
            Ok(count) if count > 0 => {}
            _ => return Err(refused(address, buffer.bytes())),
        }
    }
}

/// What an ERROR that ends the connection means to the application.
pub(crate) fn from_refusal(address: &Address, code: ErrorCode, text: &str) -> Error {
    let said = if text.is_empty() { code.to_string() } else { text.to_owned() };
    let permanent = [ErrorCode::UNSUPPORTED_VERSION, ErrorCode::UNAUTHENTICATED, ErrorCode::FORBIDDEN].contains(&code);
    Error::new(ErrorKind::Connection, format!("nexusd at {address} ended the connection: {said}"))
        .with_code(code)
        .permanent(permanent)
}

fn ended(address: &Address) -> Error {
    Error::new(
        ErrorKind::Connection,
        format!(
            "{address} closed the connection during the greeting. Is nexusd listening there, and not another program?"
        ),
    )
}

fn refused(address: &Address, answer: &[u8]) -> Error {
    if answer.is_empty() {
        return ended(address);
    }
    let guess = match answer {
        [b'A', b'M', b'Q', b'P', ..] => "an AMQP broker such as RabbitMQ, which has the same default port",
        [b'H', b'T', b'T', b'P', ..] => "an HTTP server",
        [0x15 | 0x16, 0x03, ..] => "a TLS server",
        [b'-', b'E', b'R', b'R', ..] => "a Redis server",
        [b'I', b'N', b'F', b'O', ..] => "a NATS server",
        [b'S', b'S', b'H', b'-', ..] => "an SSH server",
        _ => "another program",
    };
    let shown: String =
        answer.iter().take(40).map(|b| if (0x20..0x7F).contains(b) { char::from(*b) } else { '.' }).collect();
    let hex: Vec<String> = answer.iter().take(8).map(|b| format!("{b:02x}")).collect();
    Error::new(
        ErrorKind::Connection,
        format!(
            "{address} is {guess}, not nexusd: it answered '{shown}' (bytes {}). Check the address (argument or \
             {VARIABLE}) and nexusd's --app-port.",
            hex.join(" ")
        ),
    )
    .with_code(ErrorCode::BAD_GREETING)
    .permanent(true)
}
