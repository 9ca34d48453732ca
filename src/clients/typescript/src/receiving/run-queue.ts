import { Deferred } from '../deferred.js';
import { Message, RunCursor } from '../message.js';
import type { DeliveredRun } from '../wire/deliver.js';
import type { Channel, RunTarget } from './channel.js';

// Runs smaller than this are copied together, so that they do not keep alive all that was read with them.
const smallRunBytes = 16_384;
const slabBytes = 65_536;

const done: IteratorReturnResult<undefined> = { done: true, value: undefined };

/**
 * Collects events for a reader of the application. What waits here is bounded by the credit that the daemon was
 * given: bytes become credit again when the reader has taken them, so a slow reader holds up nobody else.
 */
export class RunQueue implements RunTarget {
  heldBytes = 0;
  private runs: DeliveredRun[] = [];
  private head = 0;
  private slab: Buffer | undefined;
  private slabUsed = 0;
  private readonly cursor = new RunCursor();
  private readonly waiting: Deferred<IteratorResult<Message, undefined>>[] = [];
  private batchWaiting: Deferred<void> | undefined;
  private isEnded = false;
  private error: Error | undefined;

  constructor(private readonly channel: Channel) {}

  onRun(run: DeliveredRun): number {
    if (this.isEnded) return 0;
    this.heldBytes += run.frameBytes;
    this.runs.push(this.keep(run));
    while (this.waiting.length > 0 && this.hasMessage()) {
      this.waiting.shift()!.resolve({ done: false, value: this.take() });
    }
    return 0;
  }

  onReadEnd(): void {
    if (this.batchWaiting === undefined || !this.hasMessage()) return;
    const { batchWaiting } = this;
    this.batchWaiting = undefined;
    batchWaiting.resolve();
  }

  onEnd(error: Error | undefined): void {
    this.isEnded = true;
    this.error = error;
    for (const waiter of this.waiting.splice(0)) {
      if (this.error === undefined) waiter.resolve(done);
      else waiter.reject(this.takeError());
    }
    this.batchWaiting?.resolve();
    this.batchWaiting = undefined;
  }

  /** Throws away what waits. */
  clear(): void {
    this.runs = [];
    this.head = 0;
    while (this.cursor.current !== undefined) this.cursor.take();
    this.heldBytes = 0;
  }

  /** The next message, as iterators give it. */
  next(): Promise<IteratorResult<Message, undefined>> {
    if (this.hasMessage()) return Promise.resolve({ done: false, value: this.take() });
    if (this.isEnded) {
      return this.error === undefined ? Promise.resolve(done) : Promise.reject(this.takeError() as Error);
    }
    const waiter = new Deferred<IteratorResult<Message, undefined>>();
    this.waiting.push(waiter);
    return waiter.promise;
  }

  /** All messages that wait, up to `most` and whole runs; undefined: nothing follows. */
  async nextBatch(most: number): Promise<Message[] | undefined> {
    while (!this.hasMessage()) {
      if (this.isEnded) {
        if (this.error !== undefined) throw this.takeError();
        return undefined;
      }
      this.batchWaiting ??= new Deferred<void>();
      await this.batchWaiting.promise;
    }
    const batch: Message[] = [];
    while (batch.length < most && this.hasMessage()) batch.push(this.take());
    return batch;
  }

  private takeError(): Error | undefined {
    const { error } = this;
    this.error = undefined;
    return error;
  }

  private hasMessage(): boolean {
    return this.cursor.current !== undefined || this.head < this.runs.length;
  }

  private take(): Message {
    const { cursor } = this;
    let run = cursor.current;
    if (run === undefined) {
      run = this.shift();
      cursor.start(run);
    }
    const message = cursor.take();
    if (cursor.current === undefined) {
      this.heldBytes -= run.frameBytes;
      this.channel.release(run.frameBytes);
    }
    return message;
  }

  private shift(): DeliveredRun {
    const run = this.runs[this.head++]!;
    if (this.head === this.runs.length) {
      this.runs = [];
      this.head = 0;
    } else if (this.head > 1024 && this.head * 2 > this.runs.length) {
      this.runs = this.runs.slice(this.head);
      this.head = 0;
    }
    return run;
  }

  private keep(run: DeliveredRun): DeliveredRun {
    const bytes = run.frameBytes;
    if (bytes >= smallRunBytes || run.bytes.length <= 2 * bytes) return run;
    if (this.slab === undefined || this.slab.length - this.slabUsed < bytes) {
      // Grows with the traffic: a subscription with an event now and then holds no 64 KiB for it.
      const size = this.slab === undefined ? 1024 : Math.min(this.slab.length * 2, slabBytes);
      this.slab = Buffer.allocUnsafeSlow(Math.max(size, bytes));
      this.slabUsed = 0;
    }
    const kept = run.detach(this.slab, this.slabUsed);
    this.slabUsed += bytes;
    return kept;
  }
}
