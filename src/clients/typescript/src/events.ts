import type { ConnectionError } from './errors.js';

/** Where a client stands. */
export type ConnectionState = 'idle' | 'connecting' | 'connected' | 'reconnecting' | 'closed';

/** A step from one state to another, or another attempt that failed. */
export interface StateChange {
  readonly previous: ConnectionState;
  readonly state: ConnectionState;
  /** Why the connection was lost or not made. */
  readonly reason?: ConnectionError;
  /** Milliseconds until the next attempt. */
  readonly retryInMs?: number;
}

/** Events that a subscription should have got and did not. */
export interface Gap {
  readonly filters: readonly string[];
  /** 0: many publishers; then only `count` is exact. */
  readonly publisher: bigint;
  readonly from: bigint;
  readonly to: bigint;
  readonly count: bigint;
  /** `queue_full`, `link_lost` and so on; `reason_N` where this client does not know it. */
  readonly reason: string;
  /** Name of the node where they were dropped. */
  readonly node: string;
}

/** Deliveries of this client's own events that were dropped at its node. */
export type PublishLoss = Omit<Gap, 'filters'>;

/** What the daemon says: a refused event, or that it leaves. */
export interface ServerNotice {
  readonly code: number;
  /** Name of the code, as `bad_topic` or `shutting_down`. */
  readonly name: string;
  readonly text: string;
  /** Number of the event that was refused, where the notice is about one. */
  readonly reference: bigint;
}

/** What `client.on` offers. */
export interface ClientEvents {
  state: StateChange;
  gap: Gap;
  publishLoss: PublishLoss;
  notice: ServerNotice;
}

/** What is known of the daemon since it was reached. */
export interface DaemonInfo {
  /** 32 hexadecimal digits. */
  readonly nodeId: string;
  readonly nodeName: string;
  readonly cluster: string;
  readonly version: string;
  /** Largest payload that it takes, in bytes. */
  readonly maxPayload: number;
  /** The id under which this client publishes. */
  readonly publisherId: bigint;
}

/** Counters of one client since it was made. */
export interface ClientStatistics {
  /** Events that were taken for sending. */
  readonly published: number;
  /** Events that were not taken because the buffer was full. */
  readonly refused: number;
  /** Events that arrived for subscriptions. */
  readonly received: number;
  /** Events that the daemon told as lost to subscriptions of this client; those that conflation replaced apart. */
  readonly lost: number;
  /** Events sent without acknowledgement whose connection broke before anything confirmed them: they may be lost. */
  readonly inDoubt: number;
  /** Connections made. */
  readonly connections: number;
  /** Bytes that wait to be sent or acknowledged now. */
  readonly bufferedBytes: number;
}
