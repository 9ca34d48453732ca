import { randomBytes } from 'node:crypto';
import { abortReason, Deferred, pause, within } from './deferred.js';
import { ArgumentError, ClosedError, NoResponderError, TimeoutError } from './errors.js';
import type { Message } from './message.js';
import type { PublishResult } from './publishing/acknowledgements.js';
import type { Payload, PublishOptions, PublishRequest } from './publishing/publisher.js';
import type { Subscription } from './subscription.js';

const defaultTimeoutMs = 5000;
const replyForMs = 1000;
const firstPauseMs = 5;

/** A request; `replyTopic` and `correlationId` are the client's own. */
export interface RequestOptions extends Omit<PublishOptions, 'replyTopic' | 'correlationId' | 'retain'> {
  /** Milliseconds until the reply must have come; default 5,000. */
  timeoutMs?: number | undefined;
}

/** What requests need of their client. */
export interface RequestOwner {
  publishOnce(request: PublishRequest): Promise<PublishResult>;
  publish(request: PublishRequest): Promise<PublishResult>;
  listen(filter: string, onMessage: (message: Message) => void): Subscription;
}

/** Requests and their replies: one inbox for all requests of a client. */
export class Requests {
  private readonly inbox = `$reply/${randomBytes(8).toString('hex')}`;
  private readonly waiting = new Map<string, Deferred<Message>>();
  private subscription: Subscription | undefined;
  private counter = 0;

  constructor(private readonly owner: RequestOwner) {}

  async request(topic: string, payload: Payload, options: RequestOptions): Promise<Message> {
    const { timeoutMs = defaultTimeoutMs, signal, ...more } = options;
    if (signal?.aborted === true) throw abortReason(signal);
    if (!(timeoutMs > 0)) throw new ArgumentError(`timeoutMs is ${String(timeoutMs)}; it must be above 0.`);
    const id = String(++this.counter);
    const replyTopic = `${this.inbox}/${id}`;
    const reply = new Deferred<Message>();
    this.waiting.set(replyTopic, reply);
    const ask = async (): Promise<Message> => {
      this.subscription ??= this.owner.listen(`${this.inbox}/*`, (message) => this.take(message));
      await this.subscription.ready;
      const { local, peers } = await this.owner.publish({ ...more, topic, payload, replyTopic, correlationId: id });
      if (local === 0 && peers === 0) {
        throw new NoResponderError(`Nobody subscribes to '${topic}': start the responder, or check the topic.`);
      }
      return reply.promise;
    };
    const late = (): Error => new TimeoutError(`No reply to '${topic}' came within ${timeoutMs / 1000} s.`);
    try {
      return await within(ask(), { timeoutMs, signal }, late);
    } finally {
      this.waiting.delete(replyTopic);
    }
  }

  /** Answers a request; tries for a second to reach who asked. */
  async reply(message: Message, payload: Payload, options: PublishOptions): Promise<PublishResult> {
    const { replyTopic } = message;
    if (replyTopic === undefined) {
      throw new ArgumentError(`The message on '${message.topic}' has no reply topic: it is no request.`);
    }
    const request = { ...options, topic: replyTopic, payload, correlationId: message.correlationIdBytes };
    const start = performance.now();
    let result = await this.owner.publishOnce(request);
    for (let wait = firstPauseMs; result.local === 0 && result.peers === 0; wait *= 2) {
      const left = start + replyForMs - performance.now();
      if (left <= 0) break;
      await pause(Math.min(wait, left), options.signal);
      result = await this.owner.publishOnce(request);
    }
    return result;
  }

  /** Ends all waits. */
  close(): void {
    const error = new ClosedError('The client was closed before the reply came.');
    for (const reply of this.waiting.values()) reply.reject(error);
    this.waiting.clear();
  }

  private take(message: Message): void {
    // A late reply is ignored: nobody waits any more.
    this.waiting.get(message.topic)?.resolve(message);
  }
}
