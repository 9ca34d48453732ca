import { connect, type Socket } from 'node:net';
import { ConnectionError } from '../errors.js';
import { decodeError, decodeGreeting, decodeWelcome, type ErrorNotice, type Welcome } from '../wire/decode.js';
import { FrameReader } from '../wire/frame-reader.js';
import { Code, Kind, Limit, noBytes } from '../wire/protocol.js';
import { describeEndpoint, type Endpoint } from './address.js';
import { endedByDaemon, endedInGreeting, lostStep, noAnswer, otherProgram, unreachable }
  from './connection-errors.js';

/** What a link tells its owner; all from the socket's own callbacks. */
export interface LinkOwner {
  /** The daemon welcomed the client; a reason ends the link. */
  onWelcome(link: Link, welcome: Welcome): ConnectionError | undefined;
  /** A frame came; a reason ends the link. */
  onFrame(bytes: Buffer, at: number, end: number, kind: number): ConnectionError | undefined;
  /** All that was read at once has been handed out. */
  onReadEnd(): void;
  /** The link ended, once. */
  onEnd(link: Link, reason: ConnectionError): void;
}

const greetingBytes = 8;

/** One connection, from the attempt to its end. */
export class Link {
  readonly place: string;
  readonly socket: Socket;
  /** When something was last heard of the daemon. */
  lastReceived = performance.now();
  isWelcomed = false;
  /** Whether the daemon ended the connection in the orderly way. */
  isEndedByOther = false;
  private readonly reader = new FrameReader(Limit.clientMaxFrame);
  private greeting: Buffer | undefined = noBytes;
  private version = 0;
  private isEnded = false;
  private isConnected = false;
  private timer: NodeJS.Timeout | undefined;

  /**
   * Starts to connect.
   * @param opening greeting and HELLO, sent when the connection is made.
   */
  constructor(endpoint: Endpoint, opening: () => Buffer, timeoutMs: number, private readonly owner: LinkOwner) {
    this.place = describeEndpoint(endpoint);
    this.timer = setTimeout(() => this.end(noAnswer(this.place, timeoutMs, this.isConnected)), timeoutMs);
    const socket = 'path' in endpoint ? connect({ path: endpoint.path })
      : connect({ host: endpoint.host, port: endpoint.port, noDelay: true });
    this.socket = socket;
    socket.on('connect', () => {
      this.isConnected = true;
      socket.write(opening());
    });
    socket.on('data', (bytes: Buffer) => this.take(bytes));
    socket.on('error', (error: NodeJS.ErrnoException) => this.end(this.broken(error)));
    socket.on('end', () => {
      this.isEndedByOther = true;
      this.end(this.broken(undefined));
    });
    socket.on('close', () => this.end(this.broken(undefined)));
  }

  /** Ends the link; the owner is told before the socket goes. */
  end(reason: ConnectionError): void {
    if (this.isEnded) return;
    this.isEnded = true;
    clearTimeout(this.timer);
    this.owner.onEnd(this, reason);
    this.socket.destroy();
  }

  private broken(error: NodeJS.ErrnoException | undefined): ConnectionError {
    if (!this.isConnected && error !== undefined) return unreachable(this.place, error);
    if (!this.isWelcomed) return endedInGreeting(this.place, error);
    const how = error === undefined ? 'ended' : `broke (${error.message})`;
    return new ConnectionError(`The connection to nexusd at ${this.place} ${how}; connecting again.`, { cause: error });
  }

  private take(bytes: Buffer): void {
    if (this.isEnded) return;
    this.lastReceived = performance.now();
    const rest = this.greeting === undefined ? bytes : this.takeGreeting(bytes);
    if (rest === undefined || rest.length === 0) return;
    const refused = this.reader.push(rest, (frame, at, end, kind) => this.takeFrame(frame, at, end, kind));
    if (this.isEnded) return;
    if (refused !== Code.none) {
      this.end(lostStep(this.place, refused === Code.frameTooLarge ? 'a frame above the limit' : 'a frame'));
      return;
    }
    this.owner.onReadEnd();
  }

  /** Returns what follows the greeting. */
  private takeGreeting(bytes: Buffer): Buffer | undefined {
    const heard = Buffer.concat([this.greeting!, bytes]);
    this.greeting = heard;
    const begin = heard.toString('latin1', 0, Math.min(4, heard.length));
    if (!'NXD1'.startsWith(begin)) {
      this.end(otherProgram(this.place, heard));
      return undefined;
    }
    if (heard.length < greetingBytes) return undefined;
    this.version = decodeGreeting(heard)!;
    this.greeting = undefined;
    return heard.subarray(greetingBytes);
  }

  private takeFrame(bytes: Buffer, at: number, end: number, kind: number): boolean {
    const reason = this.isWelcomed ? this.owner.onFrame(bytes, at, end, kind)
      : this.takeWelcome(bytes, at, end, kind);
    if (reason !== undefined) this.end(reason);
    return !this.isEnded;
  }

  private takeWelcome(bytes: Buffer, at: number, end: number, kind: number): ConnectionError | undefined {
    if (kind === Kind.error) {
      const error = decodeError(bytes, at, end);
      return error === undefined ? lostStep(this.place, 'ERROR') : endedByDaemon(this.place, error);
    }
    if (this.version !== Limit.version) return endedByDaemon(this.place, noCommonVersion);
    const welcome = kind === Kind.welcome ? decodeWelcome(bytes, at, end) : undefined;
    if (welcome === undefined) {
      return new ConnectionError(`nexusd at ${this.place} did not answer with WELCOME; is it an old version?`, {
        code: Code.malformed,
      });
    }
    clearTimeout(this.timer);
    this.isWelcomed = true;
    return this.owner.onWelcome(this, welcome);
  }
}

const noCommonVersion: ErrorNotice = {
  code: Code.unsupportedVersion,
  name: 'unsupported_version',
  closes: true,
  reference: 0n,
  text: 'it speaks no version of the protocol that this client speaks; update the older of the two.',
};
