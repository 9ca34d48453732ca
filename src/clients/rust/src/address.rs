use crate::error::{Error, ErrorKind};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

const DEFAULT_PORT: u16 = 5672;
const SYSTEM_SOCKET: &str = "/run/nexusd/nexusd.sock";
// The shortest limit of the common systems, its closing NUL left out.
const MAX_SOCKET_PATH: usize = 103;

/// The environment variable that is looked at when no address is given.
pub(crate) const VARIABLE: &str = "NEXUSD_ADDR";

/// Where the daemon is: one place or several, of which the first that answers is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// None given: a socket of this host if there is one, else `localhost:5672`; looked up at each attempt.
    Default,
    Path(PathBuf),
    Host(String, u16),
    List(Vec<Address>),
}

/// One place to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EndPoint {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Address {
    pub(crate) fn parse(text: &str) -> Result<Address, Error> {
        parse(text.trim(), &format!("The address '{text}'"))
    }

    pub(crate) fn from_environment() -> Result<Address, Error> {
        match std::env::var(VARIABLE) {
            Ok(text) if !text.trim().is_empty() => {
                parse(text.trim(), &format!("The environment variable {VARIABLE}='{text}'"))
            }
            _ => Ok(Address::Default),
        }
    }

    /// The places to try, in order. May ask DNS.
    pub(crate) async fn resolve(&self) -> Result<Vec<EndPoint>, Error> {
        match self {
            Address::List(list) => {
                let mut found = Vec::new();
                let mut failure = None;
                for one in list {
                    match one.resolve_one().await {
                        Ok(mut places) => found.append(&mut places),
                        Err(error) => failure = Some(error),
                    }
                }
                match failure {
                    Some(error) if found.is_empty() => Err(error),
                    _ => Ok(found),
                }
            }
            one => one.resolve_one().await,
        }
    }

    async fn resolve_one(&self) -> Result<Vec<EndPoint>, Error> {
        let (host, port) = match self {
            Address::Path(path) => return Ok(vec![EndPoint::Unix(path.clone())]),
            Address::Host(host, port) => (host.as_str(), *port),
            Address::Default | Address::List(_) => match default_socket() {
                Some(path) => return Ok(vec![EndPoint::Unix(path)]),
                None => ("localhost", DEFAULT_PORT),
            },
        };
        if host.eq_ignore_ascii_case("localhost") {
            let both: [IpAddr; 2] = [Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()];
            return Ok(both.iter().map(|ip| EndPoint::Tcp(SocketAddr::new(*ip, port))).collect());
        }
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(vec![EndPoint::Tcp(SocketAddr::new(ip, port))]);
        }
        match tokio::net::lookup_host((host, port)).await {
            Ok(found) => Ok(found.map(EndPoint::Tcp).collect()),
            Err(error) => Err(Error::new(
                ErrorKind::Connection,
                format!("The host name '{host}' was not found ({error}): check the address {self}."),
            )),
        }
    }
}

fn default_socket() -> Option<PathBuf> {
    let system = Path::new(SYSTEM_SOCKET);
    if system.exists() {
        return Some(system.to_owned());
    }
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty())?;
    let path = Path::new(&runtime).join("nexusd.sock");
    path.exists().then_some(path)
}

fn parse(text: &str, what: &str) -> Result<Address, Error> {
    if text.contains(',') {
        let list: Result<Vec<_>, _> = text.split(',').map(|one| parse(one.trim(), what)).collect();
        return Ok(Address::List(list?));
    }
    let forms = "is not 'host:port', '[::1]:port', 'unix:/path' or '/path'";
    if text.starts_with('/') || text.starts_with("unix:") {
        let path = text.strip_prefix("unix:").unwrap_or(text);
        return parse_path(path.strip_prefix("//").unwrap_or(path), what);
    }
    if text.contains("://") {
        return Err(Error::argument(format!("{what} {forms}: leave out what stands before '://'.")));
    }
    let (host, port) = split_port(text);
    let is_no_host = |c: char| c.is_whitespace() || c.is_control() || "/\\@#?".contains(c);
    if host.is_empty() || host.contains(is_no_host) {
        return Err(Error::argument(format!("{what} {forms}.")));
    }
    let port = match port {
        None => DEFAULT_PORT,
        Some(port) => match port.parse::<u16>() {
            Ok(number) if number > 0 && port.bytes().all(|b| b.is_ascii_digit()) => number,
            _ => {
                let text = format!("{what} has the port '{port}'; a port is a number from 1 to 65535.");
                return Err(Error::argument(text));
            }
        },
    };
    Ok(Address::Host(host.to_owned(), port))
}

fn parse_path(path: &str, what: &str) -> Result<Address, Error> {
    if path.is_empty() || path.contains('\0') {
        return Err(Error::argument(format!("{what} names no socket: write unix:/path/to/nexusd.sock.")));
    }
    if path.len() > MAX_SOCKET_PATH {
        return Err(Error::argument(format!(
            "{what} is too long for a Unix socket; at most {MAX_SOCKET_PATH} bytes are possible."
        )));
    }
    Ok(Address::Path(path.into()))
}

fn split_port(text: &str) -> (&str, Option<&str>) {
    if let Some(inner) = text.strip_prefix('[') {
        return match inner.split_once(']') {
            Some((host, "")) => (host, None),
            Some((host, rest)) => match rest.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None => ("", None),
            },
            None => ("", None),
        };
    }
    // Several colons without brackets: an IPv6 address, which has no port of its own.
    match text.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, Some(port)),
        _ => (text, None),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Default => match default_socket() {
                Some(path) => write!(f, "unix:{}", path.display()),
                None => write!(f, "localhost:{DEFAULT_PORT}"),
            },
            Address::Path(path) => write!(f, "unix:{}", path.display()),
            Address::Host(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Address::Host(host, port) => write!(f, "{host}:{port}"),
            Address::List(list) => {
                for (at, one) in list.iter().enumerate() {
                    write!(f, "{}{one}", if at == 0 { "" } else { "," })?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form() {
        for (text, shown) in [
            ("localhost", "localhost:5672"),
            ("example.org:81", "example.org:81"),
            ("[::1]:5", "[::1]:5"),
            ("::1", "[::1]:5672"),
            ("[::1]", "[::1]:5672"),
            ("unix:/run/x", "unix:/run/x"),
            ("unix:///run/x", "unix:/run/x"),
            ("/run/x", "unix:/run/x"),
            (" a:1 , /b ", "a:1,unix:/b"),
        ] {
            assert_eq!(Address::parse(text).unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_none() {
        let long = format!("/{}", "x".repeat(103));
        for text in
            ["", " ", "http://a:1", "a b", "a:0", "a:65536", "a:x", "a:+1", "[::1", "[::1]x", "unix:", &long, "a,,b"]
        {
            let error = Address::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Argument, "{text}");
        }
    }

    #[tokio::test]
    async fn tries_both_loopbacks_for_localhost() {
        let found = Address::parse("localhost:7").unwrap().resolve().await.unwrap();
        let shown: Vec<_> = found.iter().map(|place| format!("{place:?}")).collect();
        assert_eq!(shown, ["Tcp([::1]:7)", "Tcp(127.0.0.1:7)"]);
    }
}
