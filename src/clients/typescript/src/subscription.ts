import type { Message } from './message.js';
import { within } from './deferred.js';
import type { Channel } from './receiving/channel.js';
import type { RunQueue } from './receiving/run-queue.js';

const mostInBatch = 1024;

// Node before 18.18 has no such symbol; a registered one keeps the class in one piece.
const asyncDispose: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? (Symbol.for('Symbol.asyncDispose') as typeof Symbol.asyncDispose);

/**
 * An open subscription: a stream of messages. Leave its loop, or `close` it, and the daemon is told. It is opened again
 * by itself when the connection was lost.
 */
export class Subscription implements AsyncIterable<Message> {
  /** @internal */
  constructor(
    private readonly channel: Channel,
    private readonly queue: RunQueue | undefined,
    signal: AbortSignal | undefined,
  ) {
    if (signal === undefined) return;
    const onAbort = (): void => this.channel.leave(signal.reason as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    const forget = (): void => signal.removeEventListener('abort', onAbort);
    this.forgetSignal = forget;
  }

  private readonly forgetSignal: (() => void) | undefined;

  /** Its filters, with the group before them. */
  get filters(): readonly string[] {
    return this.channel.filters;
  }

  /**
   * Done when the daemon has confirmed the subscription for the first time: what is published afterwards will come.
   * Fails with `SubscribeError` where the daemon refuses, with `ClosedError` where it is closed before.
   */
  get ready(): Promise<void> {
    return this.channel.ready.promise;
  }

  /** The same with bounds. */
  waitReady(options: { signal?: AbortSignal } = {}): Promise<void> {
    return within(this.channel.ready.promise, options, () => new Error('never'));
  }

  /** One message after the other. A subscription with a callback has none. */
  [Symbol.asyncIterator](): AsyncIterator<Message, undefined> {
    const { queue } = this;
    if (queue === undefined) throw new TypeError('This subscription hands its messages to a callback.');
    return {
      next: () => queue.next(),
      return: async () => {
        await this.close();
        return { done: true, value: undefined };
      },
    };
  }

  /** Many messages at once, whatever has come: faster where there are many. */
  async *batches(): AsyncGenerator<Message[], void, undefined> {
    const { queue } = this;
    if (queue === undefined) throw new TypeError('This subscription hands its messages to a callback.');
    try {
      let batch = await queue.nextBatch(mostInBatch);
      while (batch !== undefined) {
        yield batch;
        batch = await queue.nextBatch(mostInBatch);
      }
    } finally {
      await this.close();
    }
  }

  /** Ends it; what waits unread is thrown away. Closing twice is harmless. */
  close(): Promise<void> {
    this.forgetSignal?.();
    this.channel.leave();
    this.queue?.clear();
    return Promise.resolve();
  }

  /** For `await using`. */
  [asyncDispose](): Promise<void> {
    return this.close();
  }
}
