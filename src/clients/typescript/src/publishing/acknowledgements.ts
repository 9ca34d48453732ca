import { ClosedError } from '../errors.js';
import type { Deferred } from '../deferred.js';
import type { Ack } from '../wire/decode.js';
import { Code } from '../wire/protocol.js';
import { notAcknowledged, refused } from './errors.js';

/** What the daemon says of an event that it took. */
export interface PublishResult {
  /** Subscriptions of the same daemon into whose queues it was put. */
  readonly local: number;
  /** Links to other daemons into whose queues it was put. */
  readonly peers: number;
  /** Its number among the events of this client. */
  readonly number: bigint;
}

/** A run whose acknowledgement is awaited; one waiter for each event. */
export interface PendingRun {
  /** Position of its frame in the log. */
  start: number;
  readonly deadline: number;
  readonly waiters: Deferred<PublishResult>[];
}

/** Runs that wait for their acknowledgement, in the order in which they were published. */
export class PendingRuns {
  private runs: PendingRun[] = [];
  private head = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly timeoutMs: number, private readonly lastError: () => Error | undefined) {}

  get count(): number {
    return this.runs.length - this.head;
  }

  get oldest(): PendingRun | undefined {
    return this.runs[this.head];
  }

  add(start: number, waiter: Deferred<PublishResult>): PendingRun {
    const run = { start, deadline: performance.now() + this.timeoutMs, waiters: [waiter] };
    this.runs.push(run);
    this.arm();
    return run;
  }

  /** Puts a run back that stands elsewhere in the log now. */
  restore(run: PendingRun, start: number): void {
    run.start = start;
    this.runs.push(run);
  }

  /** Takes the oldest out. */
  shift(): PendingRun | undefined {
    const run = this.runs[this.head];
    if (run === undefined) return undefined;
    this.head++;
    if (this.head > 1024 && this.head * 2 > this.runs.length) {
      this.runs = this.runs.slice(this.head);
      this.head = 0;
    }
    return run;
  }

  /** Takes all out. */
  takeAll(): PendingRun[] {
    const all = this.runs.slice(this.head);
    this.runs = [];
    this.head = 0;
    return all;
  }

  /** Tells the callers of a run what the daemon said. */
  static complete(run: PendingRun, ack: Ack): void {
    const { code, local, peers } = ack;
    if (code !== Code.none) {
      PendingRuns.fail(run, refused(code));
      return;
    }
    let number = ack.number;
    for (const waiter of run.waiters) waiter.resolve({ local, peers, number: number++ });
  }

  static fail(run: PendingRun, error: Error): void {
    for (const waiter of run.waiters) waiter.reject(error);
  }

  close(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const run of this.takeAll()) {
      PendingRuns.fail(run, new ClosedError('The client was closed before the daemon acknowledged the event.'));
    }
  }

  /** Callers whose time is over are told; their events stay where they are. */
  private arm(): void {
    if (this.timer !== undefined || this.timeoutMs === Infinity) return;
    const now = performance.now();
    const next = this.runs.slice(this.head).find((run) => run.deadline > now);
    if (next === undefined) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.failOverdue();
      this.arm();
    }, Math.min(next.deadline - now + 1, 0x7fff_ffff));
  }

  private failOverdue(): void {
    const now = performance.now();
    for (let i = this.head; i < this.runs.length && this.runs[i]!.deadline <= now; i++) {
      PendingRuns.fail(this.runs[i]!, notAcknowledged(this.timeoutMs, this.lastError()));
    }
  }
}
