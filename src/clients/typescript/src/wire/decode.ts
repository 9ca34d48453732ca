// Frames that a daemon sends, DELIVER apart. Each reader gets the buffer and the bounds of a whole frame and gives
// undefined where the frame breaks the protocol. The bytes are drawn in docs/protocol/app-v1.md.
import { topicFromWire } from '../topics.js';
import { walkProperties } from './properties.js';
import { closesFlag, codeName, Kind, Limit, Property, reasonName } from './protocol.js';
import { decodeText } from './text.js';

const highestNextNumber = 1n << 62n;

/** Version that the daemon chose, 0: none is common; undefined: not nexusd. */
export function decodeGreeting(bytes: Buffer): number | undefined {
  return bytes.length >= 8 && bytes.toString('latin1', 0, 4) === 'NXD1' ? bytes[4] : undefined;
}

/** What WELCOME says. */
export interface Welcome {
  publisherId: bigint;
  nextNumber: bigint;
  maxAliases: number;
  maxFrame: number;
  maxPayload: number;
  maxSubscriptions: number;
  idleTimeoutMs: number;
  /** 32 hexadecimal digits. */
  nodeId: string;
  nodeName: string;
  cluster: string;
  daemonVersion: string;
}

function takeNumber(into: Welcome, id: number, bytes: Buffer, from: number): boolean {
  const value = bytes.readUInt32LE(from);
  switch (id) {
    case Property.maxAliases:
      into.maxAliases = value;
      return true;
    case Property.maxFrame:
      into.maxFrame = value;
      return value >= Limit.leastMaxFrame;
    case Property.maxPayload:
      into.maxPayload = value;
      return true;
    case Property.maxSubscriptions:
      into.maxSubscriptions = value;
      return true;
    default:
      into.idleTimeoutMs = value;
      return true;
  }
}

function takeText(into: Welcome, id: number, text: string): boolean {
  if (id === Property.nodeName) into.nodeName = text;
  else if (id === Property.cluster) into.cluster = text;
  else into.daemonVersion = text;
  return true;
}

function takeProperty(into: Welcome, id: number, bytes: Buffer, from: number, to: number): boolean {
  const size = to - from;
  switch (id) {
    case Property.publisherId:
      into.publisherId = size === 8 ? bytes.readBigUInt64LE(from) : 0n;
      return into.publisherId !== 0n;
    case Property.nextNumber:
      into.nextNumber = size === 8 ? bytes.readBigUInt64LE(from) : 0n;
      return into.nextNumber !== 0n && into.nextNumber <= highestNextNumber;
    case Property.maxAliases:
    case Property.maxFrame:
    case Property.maxPayload:
    case Property.maxSubscriptions:
    case Property.idleTimeout:
      return size === 4 && takeNumber(into, id, bytes, from);
    case Property.nodeId:
      into.nodeId = bytes.toString('hex', from, to);
      return size === 16 && !/^0*$/.test(into.nodeId);
    case Property.nodeName:
    case Property.cluster:
    case Property.daemonVersion: {
      const text = size > Limit.nodeName ? undefined : decodeText(bytes, from, to);
      return text !== undefined && takeText(into, id, text);
    }
    default:
      return true;
  }
}

export function decodeWelcome(bytes: Buffer, at: number, end: number): Welcome | undefined {
  const welcome: Welcome = {
    publisherId: 0n,
    nextNumber: 0n,
    maxAliases: Limit.maxAliases,
    maxFrame: Limit.maxFrame,
    maxPayload: Limit.maxPayload,
    maxSubscriptions: Limit.maxSubscriptions,
    idleTimeoutMs: 0,
    nodeId: '',
    nodeName: '',
    cluster: '',
    daemonVersion: '',
  };
  const isWhole = walkProperties(
    bytes, at + Limit.frameHeader, end, (id, from, to) => takeProperty(welcome, id, bytes, from, to));
  const isComplete = welcome.publisherId !== 0n && welcome.nextNumber !== 0n && welcome.nodeId !== '';
  return isWhole && isComplete ? welcome : undefined;
}

/** TOPIC; the topic is undefined where the name breaks topics.md. */
export function decodeTopic(
  bytes: Buffer, at: number, end: number, maxAliases: number,
): { alias: number; topic: string | undefined } | undefined {
  if (end - at < Limit.topicHeader) return undefined;
  const alias = bytes.readUInt32LE(at + 8);
  if (alias === 0 || alias > maxAliases) return undefined;
  return { alias, topic: topicFromWire(bytes, at + Limit.topicHeader, end) };
}

export interface Ack {
  code: number;
  number: bigint;
  count: number;
  local: number;
  peers: number;
}

export function decodeAck(bytes: Buffer, at: number, end: number): Ack | undefined {
  if (end - at < 28) return undefined;
  return {
    code: bytes.readUInt16LE(at + 6),
    number: bytes.readBigUInt64LE(at + 8),
    count: bytes.readUInt32LE(at + 16),
    local: bytes.readUInt32LE(at + 20),
    peers: bytes.readUInt32LE(at + 24),
  };
}

/** SUBSCRIBED, UNSUBSCRIBED and RESULT: a code, an id and a text. */
export interface Answer {
  code: number;
  id: number;
  text: string;
}

export function decodeAnswer(bytes: Buffer, at: number, end: number): Answer | undefined {
  if (end - at < 12) return undefined;
  const isResult = bytes[at + 4] === Kind.result;
  const text = isResult || end - at - 12 <= Limit.text ? decodeText(bytes, at + 12, end) : undefined;
  if (text === undefined) return undefined;
  return { code: bytes.readUInt16LE(at + 6), id: bytes.readUInt32LE(at + 8), text };
}

/** PING and PONG: two halves. */
export function decodePing(bytes: Buffer, at: number, end: number): { low: number; high: number } | undefined {
  return end - at < 16 ? undefined : { low: bytes.readUInt32LE(at + 8), high: bytes.readUInt32LE(at + 12) };
}

/** GAP and NOTICE. */
export interface Loss {
  subscription: number;
  reason: string;
  publisher: bigint;
  from: bigint;
  to: bigint;
  count: bigint;
  node: string;
}

export function decodeLoss(bytes: Buffer, at: number, end: number): Loss | undefined {
  if (end - at < 44 || end - at - 44 > Limit.nodeName) return undefined;
  const node = decodeText(bytes, at + 44, end);
  const publisher = bytes.readBigUInt64LE(at + 12);
  const from = bytes.readBigUInt64LE(at + 20);
  const to = bytes.readBigUInt64LE(at + 28);
  const count = bytes.readBigUInt64LE(at + 36);
  const isRange = publisher === 0n ? from === 0n && to === 0n : from <= to && to >> 63n === 0n;
  if (node === undefined || count === 0n || !isRange) return undefined;
  const reason = reasonName(bytes.readUInt16LE(at + 6));
  return { subscription: bytes.readUInt32LE(at + 8), reason, publisher, from, to, count, node };
}

/** ERROR and GOAWAY. */
export interface ErrorNotice {
  code: number;
  name: string;
  closes: boolean;
  reference: bigint;
  text: string;
}

export function decodeError(bytes: Buffer, at: number, end: number): ErrorNotice | undefined {
  if (end - at < 16 || end - at - 16 > Limit.text) return undefined;
  const text = decodeText(bytes, at + 16, end);
  if (text === undefined) return undefined;
  const code = bytes.readUInt16LE(at + 6);
  const closes = (bytes[at + 5]! & closesFlag) !== 0;
  return { code, name: codeName(code), closes, reference: bytes.readBigUInt64LE(at + 8), text };
}
