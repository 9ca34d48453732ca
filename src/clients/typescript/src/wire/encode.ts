// Frames that a client sends. The bytes of each are drawn in docs/protocol/app-v1.md.
import { encodeProperty } from './properties.js';
import {
  groupStrategies, Kind, Limit, noBytes, overflowPolicies, Property, type GroupStrategy, type OverflowPolicy,
} from './protocol.js';

const u32 = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

const u64 = (value: bigint): Buffer => {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
};

/** Writes the 8 bytes that every frame begins with. */
export function writeHeader(
  into: Buffer, at: number, frameBytes: number, kind: number, flags: number, extra: number,
): void {
  into.writeUInt32LE(frameBytes - 4, at);
  into[at + 4] = kind;
  into[at + 5] = flags;
  into[at + 6] = extra & 0xff;
  into[at + 7] = extra >>> 8;
}

function frame(kind: number, flags: number, extra: number, ...parts: Uint8Array[]): Buffer {
  const bytes = Limit.frameHeader + parts.reduce((sum, part) => sum + part.length, 0);
  const whole = Buffer.allocUnsafe(bytes);
  writeHeader(whole, 0, bytes, kind, flags, extra);
  let at: number = Limit.frameHeader;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The first 8 bytes of a connection. */
export function encodeGreeting(min: number = Limit.version, max: number = Limit.version): Buffer {
  return Buffer.concat([Buffer.from('NXD1'), Buffer.of(min, max, 0, 0)]);
}

/** What HELLO says; defaults are left out. */
export interface Hello {
  clientName: Buffer;
  clientLibrary: Buffer;
  /** 0: the daemon chooses. */
  publisherId: bigint;
  nextNumber: bigint;
  maxAliases: number;
  maxFrame: number;
  token: Uint8Array;
}

export function encodeHello(hello: Hello): Buffer {
  const parts: Buffer[] = [];
  if (hello.clientName.length > 0) parts.push(encodeProperty(Property.clientName, hello.clientName));
  if (hello.clientLibrary.length > 0) parts.push(encodeProperty(Property.clientLibrary, hello.clientLibrary));
  if (hello.publisherId !== 0n) parts.push(encodeProperty(Property.publisherId, u64(hello.publisherId)));
  if (hello.nextNumber !== 1n) parts.push(encodeProperty(Property.nextNumber, u64(hello.nextNumber)));
  if (hello.maxAliases !== Limit.maxAliases) {
    parts.push(encodeProperty(Property.maxAliases, u32(hello.maxAliases)));
  }
  if (hello.maxFrame !== Limit.maxFrame) parts.push(encodeProperty(Property.maxFrame, u32(hello.maxFrame)));
  if (hello.token.length > 0) parts.push(encodeProperty(Property.token, hello.token));
  return frame(Kind.hello, 0, 0, ...parts);
}

/** Bytes of a TOPIC frame. */
export function topicFrameBytes(topic: Uint8Array): number {
  return Limit.topicHeader + topic.length;
}

/** Writes a TOPIC frame; returns its length. */
export function writeTopic(into: Buffer, at: number, alias: number, topic: Uint8Array): number {
  const bytes = topicFrameBytes(topic);
  writeHeader(into, at, bytes, Kind.topic, 0, 0);
  into.writeUInt32LE(alias, at + 8);
  into.set(topic, at + Limit.topicHeader);
  return bytes;
}

/** Writes the fixed part of a PUBLISH frame. */
export function writePublishHeader(
  into: Buffer, at: number, frameBytes: number, flags: number, propertyBytes: number, alias: number,
): void {
  writeHeader(into, at, frameBytes, Kind.publish, flags, propertyBytes);
  into.writeUInt32LE(alias, at + 8);
}

/** Writes a property; returns its length. */
export function writeProperty(into: Buffer, at: number, id: number, value: Uint8Array): number {
  into[at] = id;
  into.writeUInt16LE(value.length, at + 1);
  into.set(value, at + 3);
  return 3 + value.length;
}

/** What SUBSCRIBE says. */
export interface Subscribe {
  subscription: number;
  noRetained: boolean;
  credit: number;
  queueEvents: number;
  queueBytes: number;
  overflow?: OverflowPolicy | undefined;
  blockTimeoutMs?: number | undefined;
  strategy?: GroupStrategy | undefined;
  /** Value of the resume property; empty: none. */
  resume: Uint8Array;
  /** From `encodeFilters`. */
  filters: Uint8Array;
}

/** The list of filters as it stands at the end of SUBSCRIBE. */
export function encodeFilters(filters: readonly string[]): Buffer {
  const parts: Buffer[] = [];
  for (const filter of filters) {
    const utf8 = Buffer.from(filter);
    const length = Buffer.allocUnsafe(2);
    length.writeUInt16LE(utf8.length);
    parts.push(length, utf8);
  }
  return Buffer.concat(parts);
}

export function encodeSubscribe(from: Subscribe): Buffer {
  const properties: Buffer[] = [];
  if (from.overflow !== undefined) {
    properties.push(encodeProperty(Property.overflow, Buffer.of(overflowPolicies.indexOf(from.overflow))));
  }
  if (from.blockTimeoutMs !== undefined) {
    properties.push(encodeProperty(Property.blockTimeout, u32(from.blockTimeoutMs)));
  }
  if (from.strategy !== undefined) {
    properties.push(encodeProperty(Property.strategy, Buffer.of(groupStrategies.indexOf(from.strategy))));
  }
  if (from.resume.length > 0) properties.push(encodeProperty(Property.resume, from.resume));
  const fixed = Buffer.concat([
    u32(from.subscription), u32(from.credit), u32(from.queueEvents), u32(from.queueBytes)]);
  const propertyBytes = properties.reduce((sum, one) => sum + one.length, 0);
  return frame(Kind.subscribe, from.noRetained ? 1 : 0, propertyBytes, fixed, ...properties, from.filters);
}

export function encodeUnsubscribe(subscription: number): Buffer {
  return frame(Kind.unsubscribe, 0, 0, u32(subscription));
}

export function encodeCredit(subscription: number, bytes: number): Buffer {
  return frame(Kind.credit, 0, 0, u32(subscription), u32(bytes));
}

export const pingFrameBytes = Limit.frameHeader + 8;

/** Writes PING or PONG with a body of two halves. */
export function writePing(into: Buffer, at: number, kind: number, low: number, high: number): number {
  writeHeader(into, at, pingFrameBytes, kind, 0, 0);
  into.writeUInt32LE(low, at + 8);
  into.writeUInt32LE(high, at + 12);
  return pingFrameBytes;
}

export function encodePing(kind: number, low: number, high: number): Buffer {
  const whole = Buffer.allocUnsafe(pingFrameBytes);
  writePing(whole, 0, kind, low, high);
  return whole;
}

export function encodeQuery(request: number, what: string): Buffer {
  return frame(Kind.query, 0, 0, u32(request), Buffer.from(what));
}

export function encodeBye(): Buffer {
  return frame(Kind.bye, 0, 0, noBytes);
}
