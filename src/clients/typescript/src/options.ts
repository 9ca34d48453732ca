import { ArgumentError } from './errors.js';
import { Limit, groupStrategies, overflowPolicies, type GroupStrategy, type OverflowPolicy } from './wire/protocol.js';

/** Options of a client. All times are milliseconds; `Infinity` where no end is wanted. */
export interface ClientOptions {
  /** Shown in `nexusctl clients`, at most 128 bytes; default: the script's name and process id. */
  name?: string | undefined;
  /** Proof of identity where the daemon asks for one, at most 1,024 bytes. */
  token?: string | Uint8Array | undefined;
  /** Bytes that may wait to be sent or acknowledged: 1 MiB to 1 GiB, default 8 MiB. */
  publishBufferBytes?: number | undefined;
  /** Time for one attempt to connect, greeting included; default 5,000. */
  connectTimeoutMs?: number | undefined;
  /** Time for the acknowledgement of a publish; default 30,000. */
  acknowledgeTimeoutMs?: number | undefined;
  /** Time that `close` takes to send what is buffered; default 5,000. */
  closeTimeoutMs?: number | undefined;
  /** First bound of the random wait before connecting again; default 100. */
  reconnectMinMs?: number | undefined;
  /** Last bound of that wait; default 30,000. */
  reconnectMaxMs?: number | undefined;
  /** Time between signs of life that are asked for; three times as long without one ends the connection. */
  keepAliveMs?: number | undefined;
}

/** Options of a client with nothing left open. */
export interface Settings {
  name: Buffer;
  token: Uint8Array;
  publishBufferBytes: number;
  connectTimeoutMs: number;
  acknowledgeTimeoutMs: number;
  closeTimeoutMs: number;
  reconnectMinMs: number;
  reconnectMaxMs: number;
  keepAliveMs: number;
}

/** Options of a subscription. */
export interface SubscribeOptions {
  /** Whether the retained events that match come first; default true. */
  receiveRetained?: boolean | undefined;
  /** Whether events of an absence are asked for after a reconnect, as far as the daemon has them; default true. */
  resume?: boolean | undefined;
  /** Share the events with the other members of this group: each goes to one of them. */
  group?: string | undefined;
  /** Which member gets an event. */
  strategy?: GroupStrategy | undefined;
  /** What the daemon does when the subscription's queue is full; default: as the daemon is set. */
  overflow?: OverflowPolicy | undefined;
  /** How long the policy `block` holds publishers up, 0 to 600,000; default: as the daemon is set. */
  blockTimeoutMs?: number | undefined;
  /** Bound of the daemon's queue in events; 0: the daemon's default. */
  queueEvents?: number | undefined;
  /** Bound of the daemon's queue in bytes; 0: the daemon's default. */
  queueBytes?: number | undefined;
  /** Bytes that may wait in this process: 64 KiB to 1 GiB, default 1 MiB. */
  receiveBufferBytes?: number | undefined;
  /** Ends the subscription; its loop then throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** What a subscription's options come to where they were left out. */
export interface SubscribeSettings {
  receiveRetained: boolean;
  resume: boolean;
  queueEvents: number;
  queueBytes: number;
  receiveBufferBytes: number;
}

const gib = 1_073_741_824;

/** Checks a number; `Infinity` counts as a number where `most` is. */
export function checkNumber(name: string, value: number | undefined, otherwise: number, least: number, most: number):
  number {
  if (value === undefined) return otherwise;
  if (typeof value !== 'number' || !(value >= least && value <= most)) {
    throw new ArgumentError(`${name} is ${String(value)}; ${least} to ${most} are allowed.`);
  }
  return value;
}

function whole(name: string, value: number | undefined, otherwise: number, least: number, most: number): number {
  const checked = checkNumber(name, value, otherwise, least, most);
  if (!Number.isInteger(checked)) throw new ArgumentError(`${name} is ${checked}; use a whole number.`);
  return checked;
}

function clientName(given: string | undefined): Buffer {
  const script = process.argv[1]?.split(/[/\\]/).pop() ?? 'node';
  const utf8 = Buffer.from((given ?? `${script}-${process.pid}`).replaceAll('\u0000', ''));
  let length = Math.min(utf8.length, Limit.clientName);
  // Never cut a character in two.
  while (length > 0 && length < utf8.length && (utf8[length]! & 0xc0) === 0x80) length--;
  return utf8.subarray(0, length);
}

/** @throws ArgumentError an option makes no sense. */
export function checkClientOptions(given: ClientOptions): Settings {
  const token = typeof given.token === 'string' ? Buffer.from(given.token) : given.token ?? Buffer.alloc(0);
  if (token.length > Limit.token) throw new ArgumentError(`token has ${token.length} bytes; at most 1024 are allowed.`);
  const reconnectMinMs = checkNumber('reconnectMinMs', given.reconnectMinMs, 100, 1, 3_600_000);
  return {
    name: clientName(given.name),
    token,
    publishBufferBytes: whole('publishBufferBytes', given.publishBufferBytes, 8_388_608, 1_048_576, gib),
    connectTimeoutMs: checkNumber('connectTimeoutMs', given.connectTimeoutMs, 5000, 1, 3_600_000),
    acknowledgeTimeoutMs: checkNumber('acknowledgeTimeoutMs', given.acknowledgeTimeoutMs, 30_000, 1, Infinity),
    closeTimeoutMs: checkNumber('closeTimeoutMs', given.closeTimeoutMs, 5000, 0, Infinity),
    reconnectMinMs,
    reconnectMaxMs: checkNumber(
      'reconnectMaxMs', given.reconnectMaxMs, Math.max(30_000, reconnectMinMs), reconnectMinMs, 3_600_000),
    keepAliveMs: checkNumber('keepAliveMs', given.keepAliveMs, 10_000, 10, 3_600_000),
  };
}

/** @throws ArgumentError an option makes no sense. */
export function checkSubscribeOptions(given: SubscribeOptions): SubscribeSettings {
  if (given.overflow !== undefined && !overflowPolicies.includes(given.overflow)) {
    throw new ArgumentError(`overflow is '${given.overflow}'; use ${overflowPolicies.join(', ')}.`);
  }
  if (given.strategy !== undefined && !groupStrategies.includes(given.strategy)) {
    throw new ArgumentError(`strategy is '${given.strategy}'; use ${groupStrategies.join(', ')}.`);
  }
  whole('blockTimeoutMs', given.blockTimeoutMs, 0, 0, 600_000);
  return {
    receiveRetained: given.receiveRetained ?? true,
    resume: given.resume ?? true,
    queueEvents: whole('queueEvents', given.queueEvents, 0, 0, 0xffff_ffff),
    queueBytes: whole('queueBytes', given.queueBytes, 0, 0, 0xffff_ffff),
    receiveBufferBytes: whole('receiveBufferBytes', given.receiveBufferBytes, 1_048_576, 65_536, gib),
  };
}
