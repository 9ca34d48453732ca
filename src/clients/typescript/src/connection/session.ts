import { Deferred, within, type WaitOptions } from '../deferred.js';
import { ClosedError, ConnectionError, QueryError, SubscribeError } from '../errors.js';
import type { ClientEvents, ConnectionState, DaemonInfo } from '../events.js';
import type { Listeners } from '../listeners.js';
import type { Settings } from '../options.js';
import { Outbox } from '../publishing/outbox.js';
import type { Channel, ChannelOwner } from '../receiving/channel.js';
import { decodeAnswer, type Answer, type Welcome } from '../wire/decode.js';
import { encodeGreeting, encodeHello, encodeQuery, encodeUnsubscribe } from '../wire/encode.js';
import { codeName, Limit } from '../wire/protocol.js';
import { version } from '../version.js';
import type { Address } from './address.js';
import { Backoff } from './backoff.js';
import { lostStep, unreachable } from './connection-errors.js';
import { Link, type LinkOwner } from './link.js';
import { Receiver } from './receiver.js';

// After BYE the daemon answers what is due and closes.
const byeMs = 1000;

interface PendingQuery {
  readonly what: string;
  readonly answer: Deferred<string>;
}

/** The life of a client: attempts, connections, what is restored in each, and the end. */
export class Session implements LinkOwner, ChannelOwner {
  readonly outbox: Outbox;
  readonly channels = new Map<number, Channel>();
  state: ConnectionState = 'idle';
  daemon: DaemonInfo | undefined;
  connections = 0;
  isClosing = false;
  private readonly receiver: Receiver;
  private readonly backoff: Backoff;
  private readonly queries = new Map<number, PendingQuery>();
  private readonly library = Buffer.from(`typescript/${version}`);
  private lastError: ConnectionError | undefined;
  private readyWaiters: Deferred<void>[] = [];
  private link: Link | undefined;
  private onLinkEnd: ((reason: ConnectionError | undefined) => void) | undefined;
  private publisherId = 0n;
  private nextChannelId = 1;
  private nextQueryId = 1;
  private retryTimer: NodeJS.Timeout | undefined;
  private tickTimer: NodeJS.Timeout | undefined;
  private lastTick = 0;
  private lastPing = 0;
  private keepAliveMs: number;
  private closed: Promise<void> | undefined;

  constructor(
    private readonly address: Address,
    private readonly settings: Settings,
    private readonly listeners: Listeners<ClientEvents>,
  ) {
    this.keepAliveMs = settings.keepAliveMs;
    this.backoff = new Backoff(settings.reconnectMinMs, settings.reconnectMaxMs);
    this.outbox = new Outbox(
      settings.publishBufferBytes, settings.acknowledgeTimeoutMs, () => this.lastError);
    this.receiver = new Receiver(this.outbox, this.channels, listeners, {
      onSubscribed: (bytes, at, end) => this.onSubscribed(bytes, at, end),
      onUnsubscribed: (bytes, at, end) => this.onUnsubscribed(bytes, at, end),
      onResult: (bytes, at, end) => this.onResult(bytes, at, end),
    });
  }

  get reason(): ConnectionError | undefined {
    return this.lastError;
  }

  get received(): number {
    return this.receiver.received;
  }

  get lost(): number {
    return this.receiver.lost;
  }

  /** Starts to connect, once. @throws ClosedError the client was closed. */
  start(): void {
    if (this.isClosing) throw new ClosedError();
    if (this.state !== 'idle') return;
    this.outbox.setStarting(true);
    this.setState('connecting');
    void this.attempt();
  }

  /** Done when connected. */
  waitReady(options: WaitOptions): Promise<void> {
    this.start();
    if (this.state === 'connected') return Promise.resolve();
    if (this.lastError?.isPermanent === true) return Promise.reject(this.lastError);
    const waiter = new Deferred<void>();
    this.readyWaiters.push(waiter);
    const late = (): Error => this.lastError ?? new ConnectionError(
      `nexusd at ${this.address.toString()} was not reached within ${(options.timeoutMs ?? 0) / 1000} s.`);
    return within(waiter.promise, options, late)
      .finally(() => {
        this.readyWaiters = this.readyWaiters.filter((one) => one !== waiter);
      });
  }

  /** Opens a subscription. */
  open(channel: Channel): void {
    this.start();
    channel.id = this.nextChannelId;
    this.nextChannelId = this.nextChannelId === 0xffff_ffff ? 1 : this.nextChannelId + 1;
    this.channels.set(channel.id, channel);
    if (this.outbox.isConnected) this.sendControl(channel.subscribeFrame(Date.now()));
  }

  /** Asks the daemon for a document. */
  query(what: string): Promise<string> {
    this.start();
    const bytes = Buffer.byteLength(what);
    if (bytes < 1 || bytes > Limit.queryText || what.includes('\u0000')) {
      return Promise.reject(new QueryError(`A query has 1 to ${Limit.queryText} bytes, without NUL.`, 21));
    }
    const id = this.nextQueryId;
    this.nextQueryId = id === 0xffff_ffff ? 1 : id + 1;
    const answer = new Deferred<string>();
    this.queries.set(id, { what, answer });
    this.sendControl(encodeQuery(id, what));
    return answer.promise;
  }

  sendControl(frame: Buffer): void {
    this.outbox.sendControl(frame);
  }

  closeChannel(channel: Channel): void {
    if (this.channels.delete(channel.id)) this.sendControl(encodeUnsubscribe(channel.id));
  }

  /** Sends what is buffered, says BYE and ends all waits. */
  close(): Promise<void> {
    this.closed ??= this.closeOnce();
    return this.closed;
  }

  // ---- attempts

  private async attempt(): Promise<void> {
    let failure: ConnectionError | undefined;
    try {
      const endpoints = await this.address.resolve();
      for (const endpoint of endpoints) {
        if (this.isOver()) return;
        const reason = await new Promise<ConnectionError | undefined>((resolve) => {
          this.onLinkEnd = resolve;
          this.link = new Link(endpoint, () => this.opening(), this.settings.connectTimeoutMs, this);
        });
        // Undefined: it was welcomed, and what follows is told by onEnd.
        if (reason === undefined) return;
        failure = moreTelling(failure, reason);
      }
    } catch (error) {
      failure = error instanceof ConnectionError ? error : unreachable(this.address.toString(), error as Error);
    }
    this.retry(failure ?? new ConnectionError(`${this.address.toString()} has no address to connect to.`));
  }

  private isOver(): boolean {
    return this.state === 'closed';
  }

  private opening(): Buffer {
    const hello = encodeHello({
      clientName: this.settings.name,
      clientLibrary: this.library,
      publisherId: this.publisherId,
      nextNumber: this.outbox.nextNumber,
      maxAliases: Limit.mostAliases,
      maxFrame: Limit.clientMaxFrame,
      token: this.settings.token,
    });
    return Buffer.concat([encodeGreeting(), hello]);
  }

  private retry(reason: ConnectionError): void {
    if (this.isOver()) return;
    this.lastError = reason;
    this.outbox.setStarting(false);
    const wait = this.backoff.next();
    if (reason.isPermanent) this.settleReady(reason);
    this.setState('reconnecting', reason, wait);
    this.retryTimer = setTimeout(() => void this.attempt(), wait);
  }

  // ---- the link

  onWelcome(link: Link, welcome: Welcome): ConnectionError | undefined {
    const onLinkEnd = this.onLinkEnd;
    this.publisherId = welcome.publisherId;
    this.receiver.begin(link.place);
    if (!this.outbox.attach(link.socket, welcome, () => this.restore())) {
      this.publisherId = 0n;
      return new ConnectionError('The daemon takes smaller events than the one before; connecting again.');
    }
    this.onLinkEnd = undefined;
    this.connections++;
    this.backoff.reset();
    this.lastError = undefined;
    this.daemon = {
      nodeId: welcome.nodeId,
      nodeName: welcome.nodeName,
      cluster: welcome.cluster,
      version: welcome.daemonVersion,
      maxPayload: welcome.maxPayload,
      publisherId: welcome.publisherId,
    };
    this.keepAliveMs = welcome.idleTimeoutMs === 0 ? this.settings.keepAliveMs
      : Math.min(this.settings.keepAliveMs, Math.max(100, welcome.idleTimeoutMs / 3));
    this.startTicking();
    this.settleReady(undefined);
    this.setState('connected');
    onLinkEnd?.(undefined);
    return undefined;
  }

  onFrame(bytes: Buffer, at: number, end: number, kind: number): ConnectionError | undefined {
    return this.receiver.take(bytes, at, end, kind);
  }

  onReadEnd(): void {
    this.receiver.endOfRead();
  }

  onEnd(link: Link, reason: ConnectionError): void {
    if (this.link !== link) return;
    this.link = undefined;
    clearInterval(this.tickTimer);
    this.receiver.endOfRead();
    this.outbox.detach(link.isEndedByOther);
    const { onLinkEnd } = this;
    this.onLinkEnd = undefined;
    // Of an attempt its own loop decides what comes next.
    if (onLinkEnd !== undefined) onLinkEnd(reason);
    else this.retry(reason);
  }

  private restore(): Buffer[] {
    const now = Date.now();
    const frames = [...this.channels.values()].map((channel) => channel.subscribeFrame(now));
    for (const [id, { what }] of this.queries) frames.push(encodeQuery(id, what));
    return frames;
  }

  private startTicking(): void {
    const every = Math.min(Math.max(this.keepAliveMs / 4, 10), 1000);
    this.lastTick = performance.now();
    this.lastPing = this.lastTick;
    clearInterval(this.tickTimer);
    this.tickTimer = setInterval(() => this.tick(every), every);
  }

  private tick(every: number): void {
    const now = performance.now();
    const { link } = this;
    if (link === undefined) return;
    // While this process itself was held up nothing could be heard.
    if (now - this.lastTick > 2 * every + 1000) link.lastReceived = now;
    this.lastTick = now;
    const silenceMs = 3 * this.settings.keepAliveMs;
    if (now - link.lastReceived > silenceMs) {
      link.end(new ConnectionError(
        `nexusd at ${link.place} has been silent for ${silenceMs / 1000} s; connecting again.`));
    } else if (now - this.lastPing >= this.keepAliveMs) {
      // Also while much is published: a daemon that only takes says nothing.
      this.lastPing = now;
      this.outbox.ping();
    }
  }

  // ---- answers

  private onSubscribed(bytes: Buffer, at: number, end: number): ConnectionError | undefined {
    const answer = decodeAnswer(bytes, at, end);
    if (answer === undefined) return lostStep(this.link?.place ?? '', 'SUBSCRIBED');
    const channel = this.channels.get(answer.id);
    if (channel === undefined) return undefined;
    if (answer.code === 0) {
      channel.confirm();
    } else {
      this.endChannel(channel, answer, 'The daemon refused the subscription');
    }
    return undefined;
  }

  /** An answer to UNSUBSCRIBE needs nothing; unasked, with a code, it ends a subscription that is still open here. */
  private onUnsubscribed(bytes: Buffer, at: number, end: number): ConnectionError | undefined {
    const answer = decodeAnswer(bytes, at, end);
    if (answer === undefined) return lostStep(this.link?.place ?? '', 'UNSUBSCRIBED');
    const channel = this.channels.get(answer.id);
    if (channel !== undefined && answer.code !== 0) {
      this.endChannel(channel, answer, 'The daemon ended the subscription');
    }
    return undefined;
  }

  private endChannel(channel: Channel, { code, text }: Answer, what: string): void {
    this.channels.delete(channel.id);
    channel.end(new SubscribeError(text === '' ? `${what}: ${codeName(code)}.` : text, code));
  }

  private onResult(bytes: Buffer, at: number, end: number): ConnectionError | undefined {
    const answer = decodeAnswer(bytes, at, end);
    if (answer === undefined) return lostStep(this.link?.place ?? '', 'RESULT');
    const query = this.queries.get(answer.id);
    this.queries.delete(answer.id);
    if (answer.code === 0) query?.answer.resolve(answer.text);
    else query?.answer.reject(new QueryError(answer.text || codeName(answer.code), answer.code));
    return undefined;
  }

  // ---- state and end

  private settleReady(error: ConnectionError | ClosedError | undefined): void {
    for (const waiter of this.readyWaiters.splice(0)) {
      if (error === undefined) waiter.resolve();
      else waiter.reject(error);
    }
  }

  private setState(state: ConnectionState, reason?: ConnectionError, retryInMs?: number): void {
    const previous = this.state;
    this.state = state;
    this.listeners.emit('state', {
      previous,
      state,
      ...(reason === undefined ? {} : { reason }),
      ...(retryInMs === undefined ? {} : { retryInMs }),
    });
  }

  private async closeOnce(): Promise<void> {
    this.isClosing = true;
    if (this.state !== 'idle' && !this.outbox.isConfirmed) {
      const timeoutMs = this.settings.closeTimeoutMs;
      // What could not be sent in time stays unsent; callers who wait for it are told below.
      await within(this.outbox.flush(), { timeoutMs }, () => new ClosedError()).catch(() => undefined);
    }
    clearTimeout(this.retryTimer);
    this.settleReady(new ClosedError('The client was closed.'));
    this.outbox.endWaits();
    const { link } = this;
    if (link !== undefined && this.outbox.isConnected) {
      const ended = new Deferred<void>();
      this.onLinkEnd = () => ended.resolve();
      this.outbox.leave();
      await within(ended.promise, { timeoutMs: byeMs }, () => new ClosedError()).catch(() => undefined);
    }
    this.setState('closed');
    this.link?.end(new ConnectionError('The client was closed.'));
    clearTimeout(this.retryTimer);
    clearInterval(this.tickTimer);
    this.outbox.close();
    this.endRequests();
  }

  private endRequests(): void {
    for (const channel of [...this.channels.values()]) channel.end();
    this.channels.clear();
    const error = new ClosedError('The client was closed before the daemon answered the query.');
    for (const { answer } of this.queries.values()) answer.reject(error);
    this.queries.clear();
  }
}

/** Of several places that failed: what can change by waiting, else the latest. */
function moreTelling(before: ConnectionError | undefined, now: ConnectionError): ConnectionError {
  if (before === undefined) return now;
  if (before.isPermanent !== now.isPermanent) return before.isPermanent ? now : before;
  const isMissing = (now.cause as NodeJS.ErrnoException | undefined)?.code === 'EADDRNOTAVAIL';
  return isMissing ? before : now;
}
