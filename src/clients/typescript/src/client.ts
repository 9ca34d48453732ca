import { Address } from './connection/address.js';
import { Session } from './connection/session.js';
import { within, type WaitOptions } from './deferred.js';
import { ClosedError, TimeoutError } from './errors.js';
import type { ClientEvents, ClientStatistics, ConnectionState, DaemonInfo } from './events.js';
import { Listeners, reportFailure } from './listeners.js';
import type { Message } from './message.js';
import { checkClientOptions, type ClientOptions, type SubscribeOptions } from './options.js';
import type { PublishResult } from './publishing/acknowledgements.js';
import { Publisher, type Payload, type PublishOptions, type PublishRequest } from './publishing/publisher.js';
import { Channel } from './receiving/channel.js';
import { RunCallback } from './receiving/run-callback.js';
import { RunQueue } from './receiving/run-queue.js';
import { Requests, type RequestOptions } from './requests.js';
import { Subscription } from './subscription.js';

// Node before 18.18 has no such symbol; a registered one keeps the class in one piece.
const asyncDispose: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? (Symbol.for('Symbol.asyncDispose') as typeof Symbol.asyncDispose);

const waitOptions = (given: number | WaitOptions | undefined): WaitOptions =>
  (typeof given === 'number' ? { timeoutMs: given } : given ?? {});

/**
 * A client of nexusd, the daemon beside this process. Making one does no I/O and never fails because the daemon is
 * down: the first call that needs it connects, and connects again after every loss.
 */
export class NexusdClient {
  private readonly session: Session;
  private readonly publisher: Publisher;
  private readonly listeners = new Listeners<ClientEvents>();
  private readonly requests: Requests;

  /**
   * @param address `host:port`, `host`, `[::1]:port`, `unix:/path`, `/path`, or a list of these with commas. Without
   * one: the environment variable NEXUSD_ADDR, else the default socket if it exists, else `localhost:5672`.
   * @throws ArgumentError the address or an option makes no sense.
   */
  constructor(address?: string, options: ClientOptions = {}) {
    const settings = checkClientOptions(options);
    this.session = new Session(Address.parse(address), settings, this.listeners);
    this.publisher = new Publisher(this.session, settings.publishBufferBytes);
    this.requests = new Requests({
      publish: (request) => this.publisher.acknowledged(request),
      publishOnce: (request) => this.publisher.acknowledged(request, true),
      listen: (filter, onMessage) => this.subscribe(filter, { receiveRetained: false }, onMessage),
    });
  }

  /** Where the client stands. */
  get state(): ConnectionState {
    return this.session.state;
  }

  /** What is known of the daemon; undefined until it was reached. */
  get daemon(): DaemonInfo | undefined {
    return this.session.daemon;
  }

  /** Counters since the client was made. */
  get statistics(): ClientStatistics {
    const { session, publisher } = this;
    return {
      published: publisher.published,
      refused: publisher.refused,
      received: session.received,
      lost: session.lost,
      inDoubt: session.outbox.inDoubt,
      connections: session.connections,
      bufferedBytes: session.outbox.log.heldBytes,
    };
  }

  /**
   * Publishes an event and waits for the daemon's acknowledgement: it took the event and gave it to so many
   * subscriptions and peers. What was not acknowledged when a connection broke is sent again with the same number.
   * @returns fails with `PublishError`, `BufferFullError`, `TimeoutError` or `ClosedError`.
   */
  publish(request: PublishRequest): Promise<PublishResult>;
  publish(topic: string, payload: Payload, options?: PublishOptions): Promise<PublishResult>;
  publish(first: PublishRequest | string, payload?: Payload, options?: PublishOptions): Promise<PublishResult> {
    const request = typeof first === 'string' ? { ...options, topic: first, payload: payload! } : first;
    return this.publisher.acknowledged(request);
  }

  /**
   * Publishes without waiting for anything; the fastest way.
   * @returns true: go on. False: the event was taken, but the daemon is slower than you: `await client.drained()`.
   * @throws PublishError a bad topic, or an event that is too large.
   * @throws BufferFullError the publish buffer is full; the event was not taken.
   * @throws ClosedError the client was closed.
   */
  publishNow(topic: string, payload: Payload, options?: PublishOptions): boolean {
    return this.publisher.now(topic, payload, options);
  }

  /**
   * Publishes many payloads to one topic, as `publishNow` does. All are checked before the first is taken.
   * @throws BufferFullError its `accepted` says how many were taken.
   */
  publishMany(topic: string, payloads: Iterable<Payload>, options?: PublishOptions): boolean {
    return this.publisher.many(topic, payloads, options);
  }

  /** Done when `publishNow` would say true: at once while the daemon keeps pace, or is away. */
  drained(options?: number | WaitOptions): Promise<void> {
    if (this.session.isClosing) return Promise.reject(new ClosedError());
    return this.bounded(this.session.outbox.drained(), options, 'The daemon did not take enough');
  }

  /** Done when the daemon has taken all that was published before. */
  flush(options?: number | WaitOptions): Promise<void> {
    if (this.session.isClosing) return Promise.reject(new ClosedError());
    return this.bounded(this.session.outbox.flush(), options, 'The daemon did not take all events');
  }

  /**
   * Opens a subscription, at once. Read it with `for await`, in `batches()`, or by a callback, which is fastest, runs
   * while frames are read and must return quickly.
   * @param filters one or up to 1,024: `a/*` is one level below `a`, `a/#` is `a` and all below.
   * @throws SubscribeError a filter is bad. What the daemon refuses is told by `ready` and by the loop.
   */
  subscribe(filters: string | readonly string[], options?: SubscribeOptions): Subscription;
  subscribe(filters: string | readonly string[], onMessage: (message: Message) => void): Subscription;
  subscribe(
    filters: string | readonly string[], options: SubscribeOptions, onMessage: (message: Message) => void,
  ): Subscription;
  subscribe(
    filters: string | readonly string[],
    second: SubscribeOptions | ((message: Message) => void) = {},
    third?: (message: Message) => void,
  ): Subscription {
    const options = typeof second === 'function' ? {} : second;
    const onMessage = typeof second === 'function' ? second : third;
    if (options.signal?.aborted === true) throw options.signal.reason;
    const channel = new Channel(this.session, filters, options);
    const queue = onMessage === undefined ? new RunQueue(channel) : undefined;
    channel.target = queue ?? new RunCallback(onMessage!, reportFailure);
    this.session.open(channel);
    return new Subscription(channel, queue, options.signal);
  }

  /**
   * Asks whoever subscribes to a topic and waits for the first reply.
   * @returns fails with `NoResponderError` at once when nobody could get it, with `TimeoutError` when no reply came.
   */
  request(topic: string, payload: Payload, options: RequestOptions = {}): Promise<Message> {
    return this.requests.request(topic, payload, options);
  }

  /** Answers a message that came of a `request`. */
  reply(message: Message, payload: Payload, options: PublishOptions = {}): Promise<PublishResult> {
    return this.requests.reply(message, payload, options);
  }

  /**
   * Asks the daemon for a document: `status`, `peers`, `topics`, `clients` or `retained`, also `retained a/#`.
   * @returns the JSON, not checked against `T`; fails with `QueryError`.
   */
  async query<T = unknown>(what: string, options?: number | WaitOptions): Promise<T> {
    return JSON.parse(await this.bounded(this.session.query(what), options, 'The daemon did not answer')) as T;
  }

  /**
   * Waits until the daemon is reached.
   * @returns fails with the reason of the last attempt: after the time-out, or at once if waiting does not help.
   */
  async waitReady(options?: number | WaitOptions): Promise<void> {
    await this.session.waitReady(waitOptions(options));
  }

  /** Calls a function for each state change, gap, publish loss or notice of the daemon. */
  on<E extends keyof ClientEvents>(event: E, listener: (value: ClientEvents[E]) => void): this {
    this.listeners.add(event, listener, false);
    return this;
  }

  /** The same, for the next one only. */
  once<E extends keyof ClientEvents>(event: E, listener: (value: ClientEvents[E]) => void): this {
    this.listeners.add(event, listener, true);
    return this;
  }

  /** Takes a function of `on` or `once` back. */
  off<E extends keyof ClientEvents>(event: E, listener: (value: ClientEvents[E]) => void): this {
    this.listeners.remove(event, listener);
    return this;
  }

  /** Sends what is buffered, says goodbye, and ends all waits and subscriptions. Closing twice is harmless. */
  async close(): Promise<void> {
    await this.session.close();
    this.requests.close();
  }

  /** For `await using`. */
  [asyncDispose](): Promise<void> {
    return this.close();
  }

  private bounded<T>(wait: Promise<T>, given: number | WaitOptions | undefined, what: string): Promise<T> {
    const options = waitOptions(given);
    const late = (): Error => new TimeoutError(
      `${what} within ${(options.timeoutMs ?? 0) / 1000} s. ${this.session.reason?.message ?? ''}`.trim());
    return within(wait, options, late);
  }
}

/** The same class under its short name. */
export { NexusdClient as Client };
