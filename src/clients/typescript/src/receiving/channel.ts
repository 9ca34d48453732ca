import { Deferred } from '../deferred.js';
import { ClosedError, SubscribeError } from '../errors.js';
import { checkSubscribeOptions, type SubscribeOptions, type SubscribeSettings } from '../options.js';
import { describeProblem, readFilter } from '../topics.js';
import type { DeliveredRun } from '../wire/deliver.js';
import { encodeCredit, encodeFilters, encodeSubscribe } from '../wire/encode.js';
import { Code, Limit, noBytes } from '../wire/protocol.js';
import { ReceivedNumbers } from './received-numbers.js';

/** What a subscription needs of its client. */
export interface ChannelOwner {
  /** Sends a frame if there is a connection. */
  sendControl(frame: Buffer): void;
  /** The application is done with the subscription. */
  closeChannel(channel: Channel): void;
}

/** What takes the runs of a subscription. */
export interface RunTarget {
  /** A run came. Returns the bytes that are free again at once. */
  onRun(run: DeliveredRun): number;
  /** All that was read at once has been handed out. */
  onReadEnd(): void;
  /** Nothing follows. */
  onEnd(error: Error | undefined): void;
  /** Bytes that wait. */
  readonly heldBytes: number;
}

function refuse(filter: string, text: string, code: number): SubscribeError {
  const shown = filter.length <= 100 ? filter : `${filter.slice(0, 100)}...`;
  return new SubscribeError(`Cannot subscribe to '${shown}': ${text}`, code);
}

/** Filters as they are sent; @throws SubscribeError one of them is bad. */
export function checkFilters(given: string | readonly string[], group: string | undefined): string[] {
  const filters = (typeof given === 'string' ? [given] : [...given])
    .map((filter) => (group === undefined ? filter : `$share/${group}/${filter}`));
  if (filters.length < 1 || filters.length > Limit.filters) {
    throw new SubscribeError(
      `A subscription has 1 to ${Limit.filters} filters, not ${filters.length}.`, Code.overLimit);
  }
  let groups = 0;
  for (const filter of filters) {
    if (typeof filter !== 'string') throw refuse(String(filter), 'it is not a text.', Code.badFilter);
    const reading = readFilter(filter);
    if ('problem' in reading) throw refuse(filter, describeProblem(reading.problem), Code.badFilter);
    if (reading.group !== undefined) groups++;
  }
  if (groups !== 0 && groups !== filters.length) {
    throw refuse(filters.join(', '), 'filters of groups and plain ones need two subscriptions.', Code.badFilter);
  }
  return filters;
}

/** One open subscription on its way from the daemon to the application. Kept over reconnects. */
export class Channel {
  /** Set when it is opened; not 0. */
  id = 0;
  readonly filters: readonly string[];
  readonly ready = new Deferred<void>();
  target!: RunTarget;
  private readonly settings: SubscribeSettings;
  private readonly encodedFilters: Buffer;
  private readonly received = new ReceivedNumbers();
  private isConfirmed = false;
  private isEnded = false;
  private toGrant = 0;

  constructor(
    private readonly owner: ChannelOwner, filters: string | readonly string[],
    private readonly options: SubscribeOptions,
  ) {
    this.settings = checkSubscribeOptions(options);
    this.filters = checkFilters(filters, options.group);
    this.encodedFilters = encodeFilters(this.filters);
  }

  /** The SUBSCRIBE frame for a connection. */
  subscribeFrame(nowMs: number): Buffer {
    let resume: Buffer = noBytes;
    if (!this.isConfirmed) this.received.begin(nowMs);
    else if (this.settings.resume) resume = this.received.encode();
    this.toGrant = 0;
    return encodeSubscribe({
      subscription: this.id,
      noRetained: !this.settings.receiveRetained,
      credit: Math.max(1, this.settings.receiveBufferBytes - this.target.heldBytes),
      queueEvents: this.settings.queueEvents,
      queueBytes: this.settings.queueBytes,
      overflow: this.options.overflow,
      blockTimeoutMs: this.options.blockTimeoutMs,
      strategy: this.options.strategy,
      resume,
      filters: this.encodedFilters,
    });
  }

  /** Takes a run from the connection. */
  deliver(run: DeliveredRun): void {
    if (this.settings.resume) this.received.note(run);
    this.release(this.target.onRun(run));
  }

  /** Gives bytes back that the application has taken; many small grants become one. */
  release(bytes: number): void {
    this.toGrant += bytes;
    if (this.toGrant < this.settings.receiveBufferBytes / 8 || this.isEnded) return;
    this.owner.sendControl(encodeCredit(this.id, this.toGrant));
    this.toGrant = 0;
  }

  /** The daemon has confirmed it. */
  confirm(): void {
    this.isConfirmed = true;
    this.ready.resolve();
  }

  /** The application is done with it. */
  leave(error?: Error): void {
    if (!this.isEnded) this.owner.closeChannel(this);
    this.end(error);
  }

  /** Nothing follows; with an error the application is told. */
  end(error?: Error): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.ready.reject(error ?? new ClosedError('The subscription was closed before the daemon confirmed it.'));
    this.target.onEnd(error);
  }
}
