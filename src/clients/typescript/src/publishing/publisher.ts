import { abortReason, Deferred } from '../deferred.js';
import { ArgumentError, BufferFullError, ClosedError } from '../errors.js';
import { encodeAttributes, type EventAttributes } from '../wire/properties.js';
import { noBytes, PublishFlag } from '../wire/protocol.js';
import type { PublishResult } from './acknowledgements.js';
import { bufferFull } from './errors.js';
import { publishFlags } from './log.js';
import type { Outbox } from './outbox.js';
import type { OutboundTopic } from './topic-table.js';

/** What may be published: bytes, or text that is sent as UTF-8. */
export type Payload = Uint8Array | string;

/** What an event may say beside topic and payload. */
export interface PublishOptions extends EventAttributes {
  /** Keep it as the topic's retained event; an empty payload deletes that. */
  retain?: boolean | undefined;
  /** Ends the wait for the acknowledgement; the event may have been sent by then. Not for fire-and-forget. */
  signal?: AbortSignal | undefined;
}

/** An event to publish. */
export interface PublishRequest extends PublishOptions {
  topic: string;
  payload: Payload;
}

/** What a publisher needs of its client. */
export interface PublisherOwner {
  readonly outbox: Outbox;
  readonly isClosing: boolean;
  readonly reason: Error | undefined;
  start(): void;
}

function sizeOf(payload: Payload): number {
  if (typeof payload === 'string') return Buffer.byteLength(payload);
  if (payload instanceof Uint8Array) return payload.length;
  throw new ArgumentError('A payload is a Uint8Array, a Buffer or a string; encode other values, as JSON perhaps.');
}

/** The calls that publish. */
export class Publisher {
  published = 0;
  refused = 0;
  private isStarted = false;

  constructor(private readonly owner: PublisherOwner, private readonly bufferBytes: number) {}

  /** Fire-and-forget; false: taken, but better await `drained()` before the next. */
  now(topic: string, payload: Payload, options: PublishOptions | undefined): boolean {
    this.begin();
    const { outbox } = this.owner;
    const outbound = this.topic(topic);
    const size = sizeOf(payload);
    const properties = options === undefined ? noBytes : encodeAttributes(options);
    outbox.log.checkSize(outbound, size, properties.length);
    const flags = options === undefined ? 0 : publishFlags(options.retain, false);
    if (!outbox.log.append(outbound, payload, size, flags, properties, undefined)) throw this.full(0);
    this.published++;
    outbox.appended();
    return !outbox.isBehind;
  }

  /** Fire-and-forget for many; all are checked before the first is taken. */
  many(topic: string, payloads: Iterable<Payload>, options: PublishOptions | undefined): boolean {
    this.begin();
    const { outbox } = this.owner;
    const { log } = outbox;
    const outbound = this.topic(topic);
    const properties = options === undefined ? noBytes : encodeAttributes(options);
    const flags = options === undefined ? 0 : publishFlags(options.retain, false);
    const list = Array.isArray(payloads) ? payloads as Payload[] : [...payloads];
    for (const payload of list) log.checkSize(outbound, sizeOf(payload), properties.length);
    let taken = 0;
    for (const payload of list) {
      const size = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length;
      if (!log.append(outbound, payload, size, flags, properties, undefined)) {
        // What is on its way may have gone meanwhile.
        outbox.appended();
        if (!log.append(outbound, payload, size, flags, properties, undefined)) break;
      }
      taken++;
      if (log.hasWholeChunk) outbox.appended();
    }
    this.published += taken;
    outbox.appended();
    if (taken < list.length) throw this.full(list.length - taken, taken);
    return !outbox.isBehind;
  }

  /** Acknowledged. While connected it waits for room in the buffer. */
  acknowledged(request: PublishRequest, isTopicOnce = false): Promise<PublishResult> {
    const waiter = new Deferred<PublishResult>();
    try {
      this.begin();
      const { signal } = request;
      if (signal?.aborted === true) return Promise.reject(abortReason(signal) as Error);
      this.append(request, isTopicOnce, waiter);
      if (signal !== undefined) rejectOnAbort(waiter, signal);
    } catch (error) {
      return Promise.reject(error as Error);
    }
    return waiter.promise;
  }

  private append(request: PublishRequest, isTopicOnce: boolean, waiter: Deferred<PublishResult>): void {
    const { outbox } = this.owner;
    const { log } = outbox;
    const { topic, payload, signal } = request;
    const outbound = isTopicOnce ? log.topics.once(topic) : this.topic(topic);
    const size = sizeOf(payload);
    const properties = encodeAttributes(request);
    log.checkSize(outbound, size, properties.length);
    const flags = publishFlags(request.retain, false) | PublishFlag.acknowledge;
    const attempt = (): boolean => {
      if (!log.append(outbound, payload, size, flags, properties, waiter)) return false;
      this.published++;
      outbox.appended();
      return true;
    };
    // Who waits already goes first.
    if (!outbox.hasRoomWaiters && attempt()) return;
    if (!outbox.mayWait) throw this.full(1);
    outbox.waitForRoom(() => {
      if (signal?.aborted === true) return true;
      if (this.owner.isClosing) waiter.reject(new ClosedError());
      else if (!attempt()) {
        if (outbox.mayWait) return false;
        waiter.reject(this.full(1));
      }
      return true;
    });
  }

  private begin(): void {
    if (this.owner.isClosing) throw new ClosedError();
    if (!this.isStarted) {
      this.owner.start();
      this.isStarted = true;
    }
  }

  private topic(text: string): OutboundTopic {
    if (typeof text !== 'string') throw new ArgumentError('The topic is not a text.');
    return this.owner.outbox.log.topics.find(text);
  }

  private full(refused: number, accepted = 0): BufferFullError {
    this.refused += Math.max(refused, 1);
    const { outbox, reason } = this.owner;
    const { message } = bufferFull(this.bufferBytes, outbox.isConnected, reason);
    return new BufferFullError(message, accepted);
  }
}

function rejectOnAbort(waiter: Deferred<PublishResult>, signal: AbortSignal): void {
  const onAbort = (): void => waiter.reject(abortReason(signal));
  signal.addEventListener('abort', onAbort, { once: true });
  const forget = (): void => signal.removeEventListener('abort', onAbort);
  waiter.promise.then(forget, forget);
}
