/** What went wrong, in one word. */
export type ErrorKind =
  | 'argument'
  | 'connection'
  | 'publish'
  | 'subscribe'
  | 'buffer_full'
  | 'query'
  | 'no_responder'
  | 'timeout'
  | 'closed';

/** Base of everything that this package throws on its own account. */
export class NexusdError extends Error {
  /** The kind, for programs that rather compare than use `instanceof`. */
  readonly kind: ErrorKind;

  /** Error code of the protocol, where the daemon or a rule of the protocol gave one. */
  readonly code: number | undefined;

  constructor(kind: ErrorKind, message: string, code?: number, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.kind = kind;
    this.code = code;
  }
}

/** An address, option or argument that makes no sense. */
export class ArgumentError extends NexusdError {
  constructor(message: string) {
    super('argument', message);
  }
}

/** The daemon was not reached, is another program, or did not let this client in. */
export class ConnectionError extends NexusdError {
  /** True: waiting does not help, somebody has to change something. */
  readonly isPermanent: boolean;

  constructor(message: string, options: { code?: number; isPermanent?: boolean; cause?: unknown } = {}) {
    super('connection', message, options.code, options.cause);
    this.isPermanent = options.isPermanent ?? false;
  }
}

/** An event that breaks a rule or that the daemon refused. */
export class PublishError extends NexusdError {
  constructor(message: string, code: number) {
    super('publish', message, code);
  }
}

/** A subscription that breaks a rule or that the daemon refused. */
export class SubscribeError extends NexusdError {
  constructor(message: string, code: number) {
    super('subscribe', message, code);
  }
}

/** The publish buffer is full and the call could not wait. */
export class BufferFullError extends NexusdError {
  /** Of `publishMany`: how many events were taken before the buffer was full. */
  readonly accepted: number;

  constructor(message: string, accepted = 0) {
    super('buffer_full', message);
    this.accepted = accepted;
  }
}

/** The daemon does not know a query, or refuses it. */
export class QueryError extends NexusdError {
  constructor(message: string, code: number) {
    super('query', message, code);
  }
}

/** A request that nobody could get. */
export class NoResponderError extends NexusdError {
  constructor(message: string) {
    super('no_responder', message);
  }
}

/** An acknowledgement, a reply or another wait took too long. */
export class TimeoutError extends NexusdError {
  constructor(message: string, cause?: unknown) {
    super('timeout', message, undefined, cause);
  }
}

/** The client or the subscription was closed. */
export class ClosedError extends NexusdError {
  constructor(message = 'The client was closed: make a new one to use nexusd again.') {
    super('closed', message);
  }
}
