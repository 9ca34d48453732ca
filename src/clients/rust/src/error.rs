use std::fmt;

/// What went wrong, in one word. [`Error::kind`] tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An address, option or argument that makes no sense.
    Argument,
    /// The daemon is not reached, is another program, speaks no common version, or lets this client not in.
    Connection,
    /// An event that cannot be published, or that the daemon refused.
    Publish,
    /// A filter that makes no sense, or a subscription that the daemon refused.
    Subscribe,
    /// The publish buffer is full and the call may not wait, or the daemon is away.
    BufferFull,
    /// The daemon does not know the query, or refuses it.
    Query,
    /// A request that nobody could get.
    NoResponder,
    /// An acknowledgement, reply or other wait took too long.
    Timeout,
    /// The client or subscription was closed.
    Closed,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ErrorKind::Argument => "argument",
            ErrorKind::Connection => "connection",
            ErrorKind::Publish => "publish",
            ErrorKind::Subscribe => "subscribe",
            ErrorKind::BufferFull => "buffer full",
            ErrorKind::Query => "query",
            ErrorKind::NoResponder => "no responder",
            ErrorKind::Timeout => "timeout",
            ErrorKind::Closed => "closed",
        })
    }
}

/// A number of the protocol that says why the daemon refused something (`docs/protocol/README.md`, "Error codes").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub u16);

const CODE_NAMES: [&str; 24] = [
    "none",
    "bad_greeting",
    "malformed",
    "frame_too_large",
    "payload_too_large",
    "unknown_alias",
    "bad_topic",
    "bad_filter",
    "unsupported_version",
    "out_of_order",
    "too_many_subscriptions",
    "subscription_in_use",
    "unknown_subscription",
    "too_many_sessions",
    "unauthenticated",
    "forbidden",
    "wrong_cluster",
    "duplicate_link",
    "self_link",
    "shutting_down",
    "idle",
    "unknown_query",
    "over_limit",
    "internal",
];

impl ErrorCode {
    pub(crate) const BAD_GREETING: ErrorCode = ErrorCode(1);
    pub(crate) const MALFORMED: ErrorCode = ErrorCode(2);
    pub(crate) const PAYLOAD_TOO_LARGE: ErrorCode = ErrorCode(4);
    pub(crate) const BAD_TOPIC: ErrorCode = ErrorCode(6);
    pub(crate) const BAD_FILTER: ErrorCode = ErrorCode(7);
    pub(crate) const UNSUPPORTED_VERSION: ErrorCode = ErrorCode(8);
    pub(crate) const UNAUTHENTICATED: ErrorCode = ErrorCode(14);
    pub(crate) const FORBIDDEN: ErrorCode = ErrorCode(15);
    pub(crate) const SHUTTING_DOWN: ErrorCode = ErrorCode(19);
    pub(crate) const UNKNOWN_QUERY: ErrorCode = ErrorCode(21);
    pub(crate) const OVER_LIMIT: ErrorCode = ErrorCode(22);

    /// The number.
    pub fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match CODE_NAMES.get(usize::from(self.0)) {
            Some(name) => f.write_str(name),
            None => write!(f, "error_{}", self.0),
        }
    }
}

/// Why a call failed. The text says what was wrong and what to do; [`kind`](Error::kind) is for programs.
#[derive(Clone)]
pub struct Error {
    inner: Box<Inner>,
}

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    code: Option<ErrorCode>,
    permanent: bool,
    taken: usize,
    text: String,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Error {
        Error { inner: Box::new(Inner { kind, code: None, permanent: false, taken: 0, text: text.into() }) }
    }

    pub(crate) fn with_code(mut self, code: ErrorCode) -> Error {
        self.inner.code = Some(code);
        self
    }

    pub(crate) fn permanent(mut self, permanent: bool) -> Error {
        self.inner.permanent = permanent;
        self
    }

    pub(crate) fn with_taken(mut self, taken: usize) -> Error {
        self.inner.taken = taken;
        self
    }

    pub(crate) fn argument(text: impl Into<String>) -> Error {
        Error::new(ErrorKind::Argument, text)
    }

    pub(crate) fn closed() -> Error {
        Error::new(ErrorKind::Closed, "The client was closed: make a new one to use nexusd again.")
    }

    /// What went wrong, in one word.
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// The code with which the daemon refused, where it did, or with which it would have.
    pub fn code(&self) -> Option<ErrorCode> {
        self.inner.code
    }

    /// Whether waiting does not help: another program at the port, no common version, not let in.
    pub fn is_permanent(&self) -> bool {
        self.inner.permanent
    }

    /// Of a [`publish_many`](crate::Client::publish_many) that failed: how many events were taken before.
    pub fn taken(&self) -> usize {
        self.inner.taken
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.text)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.inner.kind);
        if let Some(code) = self.inner.code {
            out.field("code", &code.0);
        }
        out.field("text", &self.inner.text).finish()
    }
}

impl std::error::Error for Error {}

/// The daemon's word for why events were dropped (`docs/protocol/README.md`, "Drop reasons").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DropReason(pub u16);

const REASON_NAMES: [&str; 14] = [
    "none",
    "queue_full",
    "link_full",
    "expired",
    "link_lost",
    "too_large",
    "duplicate",
    "block_timeout",
    "conflated",
    "memory",
    "no_member",
    "session_closed",
    "link_down",
    "missed",
];

impl DropReason {
    /// A newer event of the topic took the place, as the subscription asked.
    pub const CONFLATED: DropReason = DropReason(8);
    /// The events were published while the subscriber was away; the count may be too high.
    pub const MISSED: DropReason = DropReason(13);
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match REASON_NAMES.get(usize::from(self.0)) {
            Some(name) if self.0 > 0 => f.write_str(name),
            _ => write!(f, "reason_{}", self.0),
        }
    }
}
